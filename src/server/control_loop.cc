#include "server/control_loop.h"

#include "server/disk_pool.h"
#include "server/posted_function.h"
#include "server/thread_name.h"

namespace torc {
namespace {

constexpr std::chrono::milliseconds kTick{25};
constexpr unsigned kHandlersPerTurn = 64;

}  // namespace

ControlLoop::ControlLoop(BusControl& control, DiskPool& disk_pool, HandOver hand_over, const Clock& clock)
    : control_(control),
      disk_pool_(disk_pool),
      hand_over_(std::move(hand_over)),
      clock_(clock),
      work_(context_.get_executor()),
      timer_(context_.get_executor()),
      bus_(*this, "torc-bus", control, kControlLane),
      listener_(*this, control, [this](BusConnection connection) { on_accepted(std::move(connection)); }) {
    bus_.announce_to(control.user());
    bus_.on_pause([this] { listener_.reset(); });
}

ControlLoop::~ControlLoop() {
    close();
}

Result<void> ControlLoop::open(const Listener::Options& options) {
    return listener_.open(options);
}

void ControlLoop::run() {
    name_this_thread("torc-bus");
    enter_turn();
    control_.start(bus_.dialer(), *this);
    listener_.start();
    bus_.start();
    tick();
    while (!stopping_) {
        bus_.end_turn();
        in_turn_ = false;
        context_.run_one();  // sleeps; whatever it runs calls enter_turn()
        enter_turn();
        for (unsigned n = 1; n < kHandlersPerTurn && context_.poll_one() != 0; ++n) {
        }
    }
    bus_.end_turn();
    in_turn_ = false;
}

void ControlLoop::tick() {
    control_.on_tick();
    timer_.expires_after(kTick);
    timer_.async_wait([this](const IoError& error) {
        if (error) return;
        enter_turn();
        tick();
    });
}

void ControlLoop::stop() {
    post([this] {
        stopping_ = true;
        listener_.close();
        bus_.stop();
    });
}

void ControlLoop::close() {
    closed_ = true;
    for (TaskList tasks = inbox_.take(); LoopTask* task = tasks.pop();) task->drop();
}

void ControlLoop::post(std::function<void()> task) {
    if (closed_.load(std::memory_order_relaxed)) return;
    if (inbox_.push(*new PostedFunction(std::move(task)))) asio::post(context_, [this] { run_inbox(); });
}

void ControlLoop::run_inbox() {
    enter_turn();
    for (TaskList tasks = inbox_.take(); LoopTask* task = tasks.pop();) task->run();
}

void ControlLoop::run_blocking(std::function<void()> task) {
    disk_pool_.submit(std::move(task));
}

void ControlLoop::on_accepted(BusConnection connection) {
    if (connection.lane == kControlLane) return bus_.adopt(std::move(connection));
    // The pause may have come between reading the handshake and this: the loop that takes the link looks at
    // when that was.
    hand_over_(connection.lane - 1u, std::move(connection));
}

}  // namespace torc

#include "server/event_loop.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "base/config.h"
#include "node/node.h"
#include "server/disk_pool.h"
#include "server/loop_bus.h"
#include "server/posted_function.h"
#include "server/session.h"
#include "server/thread_name.h"

namespace torc {
namespace {

/// More handlers in one turn would make the first of them wait too long for its reply.
constexpr unsigned kHandlersPerTurn = 256;

thread_local const EventLoop* current_loop = nullptr;

std::string loop_name(unsigned index) {
    return "torc-io-" + std::to_string(index);
}

}  // namespace

// UNSAFE_IO: sockets and timers of this context are touched by its own thread only, so Asio need not lock per
// event; posting from other threads stays safe.
EventLoop::EventLoop(Node& node, DiskPool& disk_pool, unsigned index, unsigned loops, BusControl* control)
    : node_(node),
      disk_pool_(disk_pool),
      index_(index),
      context_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO),
      work_(context_.get_executor()),
      timer_(context_.get_executor()),
      bus_(control == nullptr ? nullptr
                              : std::make_unique<LoopBus>(*this, loop_name(index), *control,
                                                          static_cast<BusLane>(index + 1))),
      worker_(std::make_unique<Worker>(node, *this, index, loops)) {
    if (bus_) bus_->announce_to(worker_->bus_user());
}

EventLoop::~EventLoop() {
    close_sessions();
}

void EventLoop::close_sessions() {
    closed_ = true;
    for (TaskList tasks = inbox_.take(); LoopTask* task = tasks.pop();) task->drop();
    for (TaskList tasks = own_.take(); LoopTask* task = tasks.pop();) task->drop();
    retired_.clear();
    sessions_.clear();
}

void EventLoop::run() {
    current_loop = this;
    name_this_thread(loop_name(index_).c_str());
    arm_timer();
    if (bus_) bus_->start();
    while (!stopping_.load(std::memory_order_acquire)) {
        if (!own_waiting_) {
            worker_->going_idle();
            idle_ = true;
            context_.run_one();  // sleeps; whatever it runs calls enter_turn()
        }
        enter_turn();
        for (unsigned n = 1; n < kHandlersPerTurn && context_.poll_one() != 0; ++n) {
        }
        own_waiting_ = false;
        for (TaskList tasks = own_.take(); LoopTask* task = tasks.pop();) task->run();
        worker_->end_turn();
        if (bus_) bus_->end_turn();
        for (Session* session : reading_on_) session->read_on();
        reading_on_.clear();
        in_turn_ = false;
        if (!retired_.empty()) free_retired();
    }
    current_loop = nullptr;
}

void EventLoop::stop() {
    post([this] {
        if (bus_) bus_->stop();
        stopping_.store(true, std::memory_order_release);
    });
}

void EventLoop::begin_turn() {
    in_turn_ = true;
    if (idle_) {
        idle_ = false;
        worker_->back_from_idle();
    }
    worker_->begin_turn();
    if (bus_) bus_->begin_turn();
}

void EventLoop::post(std::function<void()> task) {
    submit(*new PostedFunction(std::move(task)));
}

void EventLoop::run_blocking(std::function<void()> task) {
    disk_pool_.submit(std::move(task));
}

BusDialer* EventLoop::bus_dialer() {
    return bus_ ? &bus_->dialer() : nullptr;
}

void EventLoop::submit(LoopTask& task) {
    if (closed_) return task.drop();
    if (current_loop == this) {
        own_.push(task);
        own_waiting_ = true;
        return;
    }
    if (inbox_.push(task)) asio::post(context_, [this] { run_inbox(); });
}

void EventLoop::run_inbox() {
    enter_turn();
    for (TaskList tasks = inbox_.take(); LoopTask* task = tasks.pop();) task->run();
}

// A socket on its way from the listener's thread.
class EventLoop::Arrival final : public LoopTask {
  public:
    Arrival(EventLoop& loop, int fd, std::unique_ptr<ClientState> state)
        : loop_(loop), fd_(fd), state_(std::move(state)) {}
    void run() override {
        const std::unique_ptr<Arrival> self(this);
        auto session = std::make_unique<Session>(loop_, fd_, std::move(state_));
        session->set_place(loop_.sessions_.size());
        loop_.sessions_.push_back(std::move(session));
        loop_.sessions_.back()->start();
    }
    void drop() override {
        ::close(fd_);
        delete this;
    }

  private:
    EventLoop& loop_;
    int fd_;
    std::unique_ptr<ClientState> state_;
};

void EventLoop::adopt(int fd, std::unique_ptr<ClientState> state) {
    session_count_.fetch_add(1, std::memory_order_relaxed);
    submit(*new Arrival(*this, fd, std::move(state)));
}

// A link on its way from the control thread.
class EventLoop::LinkArrival final : public LoopTask {
  public:
    LinkArrival(EventLoop& loop, BusConnection connection)
        : loop_(loop), connection_(std::move(connection)) {}
    void run() override {
        const std::unique_ptr<LinkArrival> self(this);
        loop_.bus_->adopt(std::move(connection_));
    }
    void drop() override { delete this; }

  private:
    EventLoop& loop_;
    BusConnection connection_;
};

void EventLoop::adopt_link(BusConnection connection) {
    submit(*new LinkArrival(*this, std::move(connection)));
}

void EventLoop::retire(Session& session) {
    retired_.push_back(&session);
}

void EventLoop::free_retired() {
    // Ending a client may wake others, and those may retire sessions of their own: later ones wait a turn.
    std::vector<Session*> ending;
    ending.swap(retired_);
    for (Session* session : ending) {
        if (!session->let_go()) continue;  // a handler is still on its way; it retires the session again
        const size_t place = session->place();
        TORC_CHECK(sessions_[place].get() == session);
        std::swap(sessions_[place], sessions_.back());
        sessions_[place]->set_place(place);
        sessions_.pop_back();
        session_count_.fetch_sub(1, std::memory_order_relaxed);
    }
}

void EventLoop::arm_timer() {
    const int64_t hz = std::clamp<int64_t>(node_.config().live.hz.load(std::memory_order_relaxed), 1, 500);
    timer_.expires_after(std::chrono::microseconds(1'000'000 / hz));
    timer_.async_wait([this](const IoError& error) {
        if (!error) on_timer();
    });
}

void EventLoop::on_timer() {
    enter_turn();
    worker_->on_timer();
    const auto hz = std::max<int64_t>(node_.config().live.hz.load(std::memory_order_relaxed), 1);
    if (++ticks_ % static_cast<uint64_t>(hz) == 0) check_sessions();
    arm_timer();
}

// Once a second: idle timeouts, soft output limits, and peers that left while their client was blocked (a
// paused session isn't reading, so nothing else would tell).
void EventLoop::check_sessions() {
    std::vector<pollfd> blocked;
    std::vector<Session*> owners;
    for (const auto& session : sessions_) {
        session->check_limits();
        if (session->blocked()) {
            blocked.push_back({session->fd(), POLLRDHUP, 0});
            owners.push_back(session.get());
        }
    }
    if (blocked.empty() || ::poll(blocked.data(), blocked.size(), 0) <= 0) return;
    for (size_t i = 0; i < blocked.size(); ++i) {
        if (blocked[i].revents != 0) owners[i]->close(true);
    }
}

}  // namespace torc

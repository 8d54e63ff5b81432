#include "sim/sim_process.h"

#include <algorithm>

#include "node/control_plane.h"
#include "node/node_core.h"

namespace torc {
namespace {

constexpr int64_t kControlTickUs = 25'000;
constexpr int64_t kTimerUs = 100'000;
constexpr int64_t kSyncUs = 1'000'000;
constexpr int64_t kMaintenanceUs = 200'000;

}  // namespace

SimSession::SimSession(SimLoop& loop, Worker& worker, uint64_t number,
                       std::function<void(std::string)> received)
    : loop_(loop), received_(std::move(received)) {
    auto state = std::make_unique<ClientState>();
    state->address = "10.1.0.1:" + std::to_string(number);
    state->local = true;
    client_ = std::make_unique<Client>(worker, *this, std::move(state));
}

SimSession::~SimSession() {
    alive_ = nullptr;
}

void SimSession::wake() {
    loop_.post([this, alive = std::weak_ptr(alive_)] {
        if (!alive.expired()) client_->resume();
    });
}

void SimSession::send() {
    const size_t bytes = client_->sendable();
    if (bytes == 0) return;
    std::string out(client_->output().view().substr(0, bytes));
    client_->sent(bytes);
    received_(std::move(out));
}

void SimSession::input(std::string_view bytes) {
    client_->input().append(bytes);
    client_->on_input();
}

SimProcess::SimProcess(Setting setting)
    : setting_(std::move(setting)),
      control_loop_(setting_.net, setting_.machine, 0, setting_.runner),
      data_loop_(setting_.net, setting_.machine, 1, setting_.runner) {
    control_loop_.disk_delay_us = data_loop_.disk_delay_us = setting_.disk_delay_us;
}

SimProcess::~SimProcess() {
    alive_ = nullptr;
    if (setting_.net.station(setting_.machine) == this) setting_.net.set_station(setting_.machine, nullptr);
    control_loop_.die(silent_death_);
    data_loop_.die(silent_death_);
    sessions_.clear();
    worker_ = nullptr;
    node_ = nullptr;
}

ControlPlane& SimProcess::control() {
    return *node_->core().control;
}

ClusterCore& SimProcess::cluster() {
    return *node_->core().cluster;
}

Result<void> SimProcess::start() {
    if (auto read = config_.load(setting_.directives); !read) return read;
    node_ = std::make_unique<Node>(
        config_, Node::Environment{setting_.disk, setting_.clock, setting_.random_seed, [] {}});
    if (auto opened = node_->open(); !opened) return opened;
    worker_ = std::make_unique<Worker>(*node_, data_loop_, 0, 1);
    data_loop_.set_user(worker_->bus_user());
    data_loop_.set_turn([this] { worker_->begin_turn(); }, [this] { worker_->end_turn(); });
    BusControl& control = *node_->bus_control();
    control_loop_.set_user(control.user());
    node_->on_sync_wanted([this] { sync(); });
    setting_.net.set_station(setting_.machine, this);
    control.start(control_loop_, control_loop_);
    setting_.net.events().after(setting_.load_after_us, [this, alive = std::weak_ptr(alive_)] {
        if (alive.expired()) return;
        run([this] { (void)node_->load(); });
    });
    every(kControlTickUs, [&control] { control.on_tick(); });
    every(kTimerUs, [this] {
        worker_->begin_turn();
        worker_->on_timer();
        worker_->end_turn();
    });
    every(kSyncUs, [this] { node_->sync_step(); });
    every(kMaintenanceUs, [this] { (void)node_->maintenance_step(); });
    return {};
}

void SimProcess::shutdown() {
    sessions_.clear();
    worker_ = nullptr;
    (void)node_->shutdown();
}

void SimProcess::run(std::function<void()> what) {
    setting_.runner([alive = std::weak_ptr(alive_), what = std::move(what)] {
        if (!alive.expired()) what();
    });
}

void SimProcess::every(int64_t us, std::function<void()> what) {
    // Nobody's timers fire at the same moment as another's.
    const int64_t first = static_cast<int64_t>(setting_.net.rng().below(static_cast<uint64_t>(us)));
    auto again = std::make_shared<std::function<void()>>();
    *again = [this, us, what = std::move(what), alive = std::weak_ptr(alive_), self = std::weak_ptr(again)] {
        if (alive.expired()) return;
        run([this, us, what, again = self.lock()] {
            what();
            setting_.net.events().after(us, [again] { (*again)(); });
        });
    };
    setting_.net.events().after(first, [again] { (*again)(); });
}

void SimProcess::sync() {
    if (std::exchange(sync_wanted_, true)) return;
    setting_.net.events().after(setting_.disk_delay_us(), [this, alive = std::weak_ptr(alive_)] {
        if (alive.expired()) return;
        run([this] {
            sync_wanted_ = false;
            node_->sync_step();
        });
    });
}

void SimProcess::stood_still() {
    for (SimLoop* loop : {&control_loop_, &data_loop_}) {
        node_->bus_control()->counters().pauses.fetch_add(1, std::memory_order_relaxed);
        const bool data = loop == &data_loop_;
        if (data) worker_->begin_turn();
        loop->reset_all();
        if (data) worker_->end_turn();
    }
}

std::weak_ptr<SimSession> SimProcess::connect(std::function<void(std::string)> received) {
    sessions_.push_back(
        std::make_shared<SimSession>(data_loop_, *worker_, next_session_++, std::move(received)));
    return sessions_.back();
}

}  // namespace torc

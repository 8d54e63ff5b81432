// The control thread ("torc-bus") of a clustered node: the bus port, the control lane's links, and the
// control plane's ticks. It runs no commands, so that gossip goes on while the workers are busy. Accepted
// data links are handed over to the workers' loops.
//
// Turns are as in EventLoop: wake up, look for a pause, run what is ready, write what was queued.
//
// Thread rule: all on the loop's own thread, except open() before it runs, post(), run_blocking() and stop().
#pragma once

#include <atomic>
#include <functional>

#include "base/result.h"
#include "base/time.h"
#include "node/bus.h"
#include "node/worker.h"
#include "server/asio.h"
#include "server/bus_listener.h"
#include "server/bus_loop.h"
#include "server/listener.h"
#include "server/loop_bus.h"
#include "server/task_queue.h"

namespace torc {

class DiskPool;

class ControlLoop final : public WorkerHost, public BusLoop {
  public:
    /// Who takes an accepted data link; `lane` counts the dialler's threads from 0. On the control thread.
    using HandOver = std::function<void(unsigned lane, BusConnection connection)>;

    ControlLoop(BusControl& control, DiskPool& disk_pool, HandOver hand_over,
                const Clock& clock = system_clock());
    ~ControlLoop() override;

    /// Binds the bus port.
    Result<void> open(const Listener::Options& options);
    /// Starts the control plane and serves until stop().
    void run();
    void stop();
    /// After run() has ended, before the destructor: drops what was posted and has not run.
    void close();

    // ---- WorkerHost
    void post(std::function<void()> task) override;
    void run_blocking(std::function<void()> task) override;
    BusDialer* bus_dialer() override { return &bus_.dialer(); }

    // ---- BusLoop
    asio::io_context& context() override { return context_; }
    const Clock& clock() const override { return clock_; }
    void enter_turn() override {
        if (in_turn_) return;
        in_turn_ = true;
        bus_.begin_turn();
    }

  private:
    void tick();
    void run_inbox();
    void on_accepted(BusConnection connection);

    BusControl& control_;
    DiskPool& disk_pool_;
    HandOver hand_over_;
    const Clock& clock_;
    asio::io_context context_{1};
    asio::executor_work_guard<IoExecutor> work_;
    LoopTimer timer_;
    LoopBus bus_;
    BusListener listener_;
    TaskQueue inbox_;
    bool in_turn_ = false;
    bool stopping_ = false;
    std::atomic<bool> closed_{false};
};

}  // namespace torc

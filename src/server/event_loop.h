// One I/O thread: an io_context, the node's Worker on it, and the sessions that live here for good.
//
// A turn: sleep until something is ready -> begin_turn() -> up to kHandlersPerTurn handlers (reads, writes,
// timer, work from other threads) -> end_turn(), which flushes the log once and sends the replies -> sessions
// that ended are freed. Nothing is freed inside a turn, so the node may hold on to clients until end_turn().
//
// On a clustered node the loop also has its part of the bus: the links that its worker dials, and those that
// the control thread accepted for it. What the worker sent on them in a turn is written at its end, once.
//
// Thread rule: all on the loop's own thread, except post(), run_blocking(), submit(), adopt(), adopt_link(),
// stop() and sessions().
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "commands/client_state.h"
#include "node/worker.h"
#include "server/asio.h"
#include "server/bus_loop.h"
#include "server/task_queue.h"

namespace torc {

class BusControl;
class DiskPool;
class LoopBus;
class Node;
class Session;
struct BusConnection;

class EventLoop final : public WorkerHost, public BusLoop {
  public:
    /// `control`: null without a cluster.
    EventLoop(Node& node, DiskPool& disk_pool, unsigned index, unsigned loops, BusControl* control = nullptr);
    ~EventLoop() override;
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    /// Serves until stop().
    void run();
    void stop();
    /// After run() has ended and on one thread for all loops, before the first of them is destroyed: ends the
    /// sessions. What was posted and has not run, or is posted from here on, is dropped.
    void close_sessions();

    void post(std::function<void()> task) override;
    void run_blocking(std::function<void()> task) override;
    BusDialer* bus_dialer() override;
    /// As post(), for a task that brings its own memory. It must live until it has run.
    void submit(LoopTask& task);
    /// Takes over a connected, non-blocking socket and counts it at once.
    void adopt(int fd, std::unique_ptr<ClientState> state);
    /// Takes over a data link that a peer dialled.
    void adopt_link(BusConnection connection);
    /// Connections that live here or are on their way.
    size_t sessions() const { return session_count_.load(std::memory_order_relaxed); }

    // ---- for the loop's sessions
    asio::io_context& context() override { return context_; }
    Node& node() { return node_; }
    Worker& worker() { return *worker_; }
    /// First thing in every handler.
    void enter_turn() override {
        if (!in_turn_) begin_turn();
    }
    /// Lets the session read on when this turn's replies have been sent.
    void read_after_turn(Session& session) { reading_on_.push_back(&session); }
    /// Frees the session after this turn.
    void retire(Session& session);

  private:
    class Arrival;
    class LinkArrival;

    void begin_turn();
    void run_inbox();
    void free_retired();
    void arm_timer();
    void on_timer();
    void check_sessions();

    Node& node_;
    DiskPool& disk_pool_;
    const unsigned index_;
    asio::io_context context_;
    asio::executor_work_guard<IoExecutor> work_;
    LoopTimer timer_;
    std::unique_ptr<LoopBus> bus_;  // null without a cluster
    std::unique_ptr<Worker> worker_;

    TaskQueue inbox_;  // from other threads
    TaskQueue own_;    // from this one: run at the end of the turn, without waking anything
    bool in_turn_ = false;
    bool idle_ = false;
    bool own_waiting_ = false;
    bool closed_ = false;
    uint64_t ticks_ = 0;
    std::vector<std::unique_ptr<Session>> sessions_;
    std::vector<Session*> reading_on_;
    std::vector<Session*> retired_;
    std::atomic<size_t> session_count_{0};
    std::atomic<bool> stopping_{false};
};

}  // namespace torc

// What one I/O thread brings along: its write batch, its idea of the time, and the clients with output in
// this loop turn. Created by the server, one per thread, and used only on it (except post()).
//
// A loop turn: begin_turn(); any number of Client::on_input()/resume(); end_turn(). end_turn() flushes the
// log once for all and lets every client's replies go whose changes are written (or synced under `appendfsync
// always`); the others follow when the log says so (the node posts to this worker).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace torc {

class BusDialer;
class BusUser;
class Node;
struct WorkerCore;

/// The loop that a worker lives on.
class WorkerHost {
  public:
    virtual ~WorkerHost() = default;
    /// Any thread: run this on the loop, soon, in a turn of its own or with others.
    virtual void post(std::function<void()> task) = 0;
    /// Any thread: run this on a thread that may block (the disk pool), soon.
    virtual void run_blocking(std::function<void()> task) = 0;
    /// The loop's own thread: dials the data lane's links. Null without a cluster; else there from before the
    /// worker is made until after its end.
    virtual BusDialer* bus_dialer() { return nullptr; }
};

class Worker {
  public:
    Worker(Node& node, WorkerHost& host, unsigned index, unsigned workers);
    ~Worker();

    void begin_turn();
    void end_turn();
    /// Before the loop sleeps and after it woke, so that others needn't wait for this thread to free memory.
    void going_idle();
    void back_from_idle();
    /// About 10 times a second (config hz): expiry of this worker's share of the shards, eviction, block
    /// deadlines, idle clients, pauses. In a turn of its own.
    void on_timer();

    /// Who gets the data links of this loop. Only with a cluster.
    BusUser& bus_user();

    WorkerCore& core();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace torc

// A node of a few words, so that the shell can be tested alone: lines in, lines out, and every state that a
// real client can be in, on demand. It takes the place of the real Node, Worker and Client at link time.
//
//   echo TEXT   +TEXT
//   big N       N bytes and a newline
//   pause       pauses; the next wake resumes and answers +resumed
//   block       as pause, but with ClientState::blocked, as a command that waits for other clients
//   hold TEXT   +TEXT, which may not leave before the next wake
//   owe TEXT    +TEXT, which only comes with the next wake, as a reply that other nodes are asked for
//   quit        +OK, then close(false)
//   kill        close(true)
#pragma once

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/config.h"
#include "node/bus.h"
#include "node/client.h"
#include "node/node.h"
#include "node/worker.h"

namespace torc {

/// What the fake saw, and what it shall do. One per test: make it first.
struct FakeNode {
    FakeNode();
    ~FakeNode();
    static FakeNode& current();

    Config config;
    std::atomic<int> begun_turns{0}, ended_turns{0}, timer_ticks{0}, live_clients{0}, resumes{0};
    std::atomic<int> syncs{0}, maintenance_steps{0}, warm_steps{0};
    std::atomic<bool> idle{false};
    std::atomic<bool> work_outside_turn{false};
    std::atomic<bool> fail_load{false};
    std::function<void()> sync_wanted;
    BusControl* bus_control = nullptr;
    BusUser* bus_user = nullptr;  // of every worker

    /// Wakes every client that lives, as another thread would.
    void wake_all();

    std::mutex ports_mutex;
    std::set<ClientPort*> ports;
};

}  // namespace torc

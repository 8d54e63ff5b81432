// One link of a worker, and what is done for the peer at its other end. Private to the coordinator.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "node/bus_executor.h"
#include "node/coordinator.h"

namespace torc {

/// Merges and reads of one link run side by side by shard, so that a key that has to come from the disk holds
/// up few others.
inline constexpr size_t kExecutorsPerLink = 8;
/// What may wait in one of them, and how many connections of a peer may be stood for: beyond it a peer is
/// told to come again later.
inline constexpr size_t kMostWaitingBytes = 16u << 20;
inline constexpr size_t kMostSessions = 65'536;
/// One that watches nothing is made anew when it's needed again. (Whom a connection's commands went to after
/// a first try elsewhere isn't told when the connection ends.)
inline constexpr int64_t kSessionIdleMs = 30'000;

struct Coordinator::Link {
    struct Session {
        std::unique_ptr<BusExecutor> executor;
        bool ending = false;  // the connection that it stood for is gone
        int64_t used_ms = 0;  // monotonic
    };
    BusLink* link = nullptr;
    uint64_t number = 0;
    NodeId peer = 0;
    std::string open;  // the frame being filled
    std::unique_ptr<BusExecutor> executors[kExecutorsPerLink];
    std::unordered_map<uint64_t, Session> sessions;  // of forwards, by the connection's number there
};

}  // namespace torc

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

struct Coordinator::Link {
    struct Session {
        std::unique_ptr<BusExecutor> executor;
        bool ending = false;  // the connection that it stood for is gone
    };
    BusLink* link = nullptr;
    uint64_t number = 0;
    NodeId peer = 0;
    std::string open;  // the frame being filled
    std::unique_ptr<BusExecutor> executors[kExecutorsPerLink];
    std::unordered_map<uint64_t, Session> sessions;  // of forwards, by the connection's number there
};

}  // namespace torc

// What a clustered node keeps about one connection.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/types.h"
#include "cluster/node_id.h"
#include "node/bus_message.h"

namespace torc {

struct ClusterClient {
    // ---- the running command
    uint8_t read_level = ForwardMessage::kDefaultLevel;  // TORC.WITH, or as the forward says
    uint8_t write_level = ForwardMessage::kDefaultLevel;
    bool must_join = false;  // what this node has isn't enough, even for a read (a digest differed)

    // ---- until it has run
    bool joining = false;      // other replicas are asked for its keys
    bool joined = false;       // they have answered, and what they had is here
    bool join_failed = false;  // too few have

    // ---- the connection
    uint32_t forwards = 0;          // under way
    uint64_t forwards_version = 0;  // of the topology they were sent by
    std::vector<ShardId> reads;     // whose replies wait for other replicas' digests
    /// Replicas, besides the one it ran on, that acknowledged its last write: for WAIT.
    std::shared_ptr<uint32_t> last_write_acks;
    std::vector<NodeId> sessions_at;  // nodes that run commands for this connection
    NodeId watching = 0;              // where its WATCHed keys are watched; 0: here, or none
};

}  // namespace torc

// A client of a node in a cluster of three.
#pragma once

#include <string>
#include <string_view>

#include "connected_node.h"
#include "expected_replies.h"
#include "fake_cluster.h"

namespace torc::testing {

class ClusterCommands : public ConnectedCommands {
  protected:
    ClusterCommands() {
        fill_with_three_nodes(cluster);
        here.cluster_view = &cluster;
    }

    /// The text of a bulk reply.
    std::string text_of(std::string_view line) {
        const std::string reply = run(line);
        const size_t begin = reply.find("\r\n");
        if (!reply.starts_with("$") || begin == std::string::npos) return reply;
        return reply.substr(begin + 2, reply.size() - begin - 4);
    }

    FakeCluster cluster;
};

inline constexpr std::string_view kNoCluster = "-ERR This instance has cluster support disabled\r\n";

}  // namespace torc::testing

// A cluster that the test makes up, and that notes what it's asked to do.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "commands/cluster_view.h"

namespace torc::testing {

class FakeCluster final : public ClusterView {
  public:
    ClusterPicture shown;
    ClusterFigures counted;
    std::vector<ClusterLink> connections;
    std::vector<std::string> asked;  // "meet host 7000 17000", "forget 3" ...
    std::string refusal;             // of every action, when not empty
    std::optional<RepairReport> report;

    NodeId self() const override { return shown.self; }
    ClusterPicture picture() const override { return shown; }
    ClusterFigures figures() const override { return counted; }
    std::vector<ClusterLink> links() const override { return connections; }

    Result<void> meet(const std::string& host, uint16_t port, uint16_t bus_port) override {
        return note(fmt::format("meet {} {} {}", host, port, bus_port));
    }
    Result<void> forget(NodeId node) override { return note(fmt::format("forget {}", node)); }
    Result<void> drain() override { return note("drain"); }
    Result<void> force_remove(NodeId node) override { return note(fmt::format("force-remove {}", node)); }
    Result<void> reset(bool hard) override { return note(hard ? "reset hard" : "reset soft"); }
    Result<uint64_t> start_repair(SlotRange slots) override {
        const auto noted = note(fmt::format("repair {} {}", slots.first, slots.last));
        if (!noted) return fail(noted.error());
        return 41;
    }
    std::optional<RepairReport> repair_report(uint64_t number) const override {
        return number == 41 ? report : RepairReport{};
    }

    ClusterNode& node(NodeId id) {
        for (ClusterNode& node : shown.nodes)
            if (node.id == id) return node;
        ADD_FAILURE() << "no node " << id;
        return shown.nodes.at(0);
    }

  private:
    Result<void> note(std::string what) {
        if (!refusal.empty()) return fail(ErrorKind::refused, refusal);
        asked.push_back(std::move(what));
        return {};
    }
};

/// Nodes 1, 2 and 3 at 10.0.0.N:7000, this one is 1; three ranges with a preference list each.
inline void fill_with_three_nodes(FakeCluster& cluster) {
    ClusterPicture& picture = cluster.shown;
    picture.self = 1;
    picture.cluster_id = 0xabc;
    picture.epoch = 7;
    picture.replication_factor = 3;
    for (NodeId id = 1; id <= 3; ++id) {
        ClusterNode& node = picture.nodes.emplace_back();
        node.id = id;
        node.client = {fmt::format("10.0.0.{}", id), 7000};
        node.bus = {node.client.host, 17000};
        node.datacenter = "dc1";
        node.rack = fmt::format("r{}", id);
        node.vnodes = 16;
        node.in_ring = node.link_up = true;
        node.ring_epoch = 7;
        node.last_heard_ms = id == 1 ? 0 : 1'699'999'999'000;
    }
    picture.ranges = {{{0, 5999}, {1, 2, 3}}, {{6000, 11999}, {2, 3, 1}}, {{12000, 16383}, {3, 1, 2}}};
}

}  // namespace torc::testing

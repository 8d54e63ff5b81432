// The cluster as commands see it (commands/cluster_view.h), put together from the control plane's snapshot,
// the counters and the workers.
#pragma once

#include "commands/cluster_view.h"
#include "node/repair_board.h"

namespace torc {

struct NodeCore;

class ClusterFace final : public ClusterView {
  public:
    /// Only used once `node` has a cluster.
    explicit ClusterFace(NodeCore& node) : node_(node) {}

    NodeId self() const override;
    ClusterPicture picture() const override;
    ClusterFigures figures() const override;
    std::vector<ClusterLink> links() const override;

    Result<void> meet(const std::string& host, uint16_t port, uint16_t bus_port) override;
    Result<void> forget(NodeId node) override;
    Result<void> drain() override;
    Result<void> force_remove(NodeId node) override;
    Result<void> reset(bool hard) override;

    Result<uint64_t> start_repair(SlotRange slots) override;
    std::optional<RepairReport> repair_report(uint64_t number) const override {
        return repairs_.report(number);
    }

  private:
    void count_cells(ClusterFigures& figures) const;
    void ask_workers(ClusterFigures& figures) const;

    NodeCore& node_;
    RepairBoard repairs_;
};

}  // namespace torc

// The node as commands see it (commands/node_view.h), put together from the parts that do the work.
#pragma once

#include <atomic>
#include <mutex>

#include "commands/node_view.h"
#include "node/backup_runner.h"
#include "node/cluster_face.h"
#include "node/transaction.h"

namespace torc {

struct NodeCore;

class NodeFaces final : public NodeView {
  public:
    explicit NodeFaces(NodeCore& node) : node_(node), backups_(node) {}

    const Clock& clock() const override;
    Config& config() override;
    Clients& clients() override;
    Transactions& transactions() override { return transactions_; }
    SlowLogView& slow_log() override;
    LatencyView& latency() override;
    CommandStatsView& command_stats() override;
    ErrorStatsView& error_stats() override;
    Persistence& persistence() override { return backups_; }
    ClusterView* cluster() override;

    NodeFacts facts() const override;
    std::vector<DatabaseFacts> databases() const override;
    void reset_stats() override;
    void start_monitor(ClientState& client) override;
    void set_active_expire(bool on) override;
    void purge_memory() override;

    BackupRunner& backups() { return backups_; }

  private:
    struct Baseline {  // of CONFIG RESETSTAT: counters are never set back, readings subtract
        uint64_t connections = 0, rejected = 0, commands = 0, input = 0, output = 0, hits = 0, misses = 0,
                 expired = 0, evicted = 0, unloaded = 0;
    };
    struct Sums;
    Sums sums() const;

    NodeCore& node_;
    BackupRunner backups_;
    TransactionRunner transactions_{node_};
    ClusterFace cluster_{node_};
    mutable std::mutex mutex_;
    Baseline baseline_;
    mutable uint64_t peak_bytes_ = 0;
    mutable int64_t peak_at_ms_ = 0;
    mutable int64_t rate_at_ms_ = 0;
    mutable uint64_t rate_commands_ = 0, rate_input_ = 0, rate_output_ = 0;
    mutable TrafficFacts rates_;
};

}  // namespace torc

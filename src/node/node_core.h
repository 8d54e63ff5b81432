// What all workers of a node share. Everything here is safe from any thread; what isn't lives in WorkerCore.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/config.h"
#include "base/mutant.h"
#include "commands/command_table.h"
#include "engine/compaction.h"
#include "engine/scrubber.h"
#include "engine/store.h"
#include "engine/store_live_index.h"
#include "node/client_pause.h"
#include "node/client_registry.h"
#include "node/cluster_core.h"
#include "node/command_stats.h"
#include "node/error_stats.h"
#include "node/latency_monitor.h"
#include "node/monitors.h"
#include "node/node.h"
#include "node/slow_log.h"
#include "node/watch.h"

namespace torc {

struct WorkerCore;
class ControlPlane;
class NodeFaces;

struct NodeCore {
    NodeCore(Config& config, Node::Environment environment);
    ~NodeCore();

    Config& config;
    Node::Environment environment;
    std::unique_ptr<Store> store;
    WatchTable watches;
    ClientRegistry clients{*this};
    ClientPause pause;
    Monitors monitors;
    SlowLog slow_log;
    LatencyMonitor latency;
    CommandStats command_stats;
    ErrorStats error_stats;
    const CommandSpec* exec_spec;
    const CommandSpec* reset_spec;
    const CommandSpec* select_spec;
    const CommandSpec* watch_spec;
    const CommandSpec* wait_spec;
    const CommandSpec* waitaof_spec;
    const CommandSpec* with_spec;
    uint64_t base_memory_bytes = 0;  // of a node without keys
    uint64_t total_changes() const;  // of all workers

    std::atomic<bool> loading{true};
    std::atomic<bool> active_expire{true};
    std::atomic<int64_t> started_ms{0};

    /// Workers live as long as the maker's threads; registered at their construction.
    mutable std::mutex workers_mutex;
    std::vector<WorkerCore*> workers;

    /// Wakes the background sync: someone waits for durability.
    std::function<void()> sync_wanted;
    std::function<void()> maintenance_wanted;
    std::atomic<bool> sync_requested{false};  // once, whatever `appendfsync` says (WAITAOF)

    /// Null without a cluster; made by Node::open().
    std::unique_ptr<ClusterCore> cluster;
    std::unique_ptr<ControlPlane> control;

    std::unique_ptr<StoreLiveIndex> live_index;  // after load(), as the next
    std::unique_ptr<Compaction> compaction;      // after load()
    std::unique_ptr<Scrubber> scrubber;          // after load()
    std::atomic<uint64_t> connections{0}, rejected_connections{0}, loaded_keys{0};

    bool log_is_failing() const {
        return !loading.load(std::memory_order_acquire) && store->log_enabled() &&
               store->log().state() != Log::State::ok;
    }
    /// Can a change be logged now? There may be no log.
    bool log_takes_more() const {
        return !store->log_enabled() || (!log_is_failing() && store->log().has_room());
    }
    /// Does memory that runs short cost keys?
    bool evicts() const {
        return config.live.maxmemory_policy.load(std::memory_order_relaxed) !=
               static_cast<int>(MaxmemoryPolicy::noeviction);
    }
    bool sync_before_reply() const {
        return config.live.appendfsync.load(std::memory_order_relaxed) ==
               static_cast<int>(AppendFsync::always);
    }
    /// Has the log synced soon, whatever `appendfsync` says. Any thread.
    void request_sync() {
        sync_requested.store(true);
        if (sync_wanted) sync_wanted();
    }
    /// LSN up to which replies may leave.
    Lsn durable_lsn() const {
        if (mutant("ack-before-log")) return store->log().last_lsn();
        if (mutant("ack-before-sync")) return store->log().written_lsn();
        return sync_before_reply() ? store->log().synced_lsn() : store->log().written_lsn();
    }
    /// Posts to every worker: the log got further, or its state changed.
    void log_progressed();
    void apply_memory_policy();
    Result<void> set_log_enabled();
    Result<void> open_cluster();
    Result<void> apply_key_policies();
    CompactionLimits compaction_limits() const;
    /// A part of Node::maintenance_step().
    int64_t scrub_step();
    /// On a cluster: from RAM, or from the other replicas.
    void restore_rotten(const std::string& key);

    std::unique_ptr<NodeFaces> faces;
};

}  // namespace torc

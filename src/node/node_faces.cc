#include "node/node_faces.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "base/allocator.h"
#include "node/client_core.h"
#include "node/node_core.h"
#include "node/worker_core.h"

namespace torc {

/// Counters of all workers together, since the start.
struct NodeFaces::Sums {
    Baseline totals;
    uint64_t reads = 0, writes = 0, changes = 0;
};

NodeFaces::Sums NodeFaces::sums() const {
    Sums sums;
    sums.totals.connections = node_.connections.load();
    sums.totals.rejected = node_.rejected_connections.load();
    {
        std::lock_guard guard(node_.workers_mutex);
        for (const WorkerCore* worker : node_.workers) {
            sums.totals.commands += worker->traffic.commands.load();
            sums.totals.input += worker->traffic.input_bytes.load();
            sums.totals.output += worker->traffic.output_bytes.load();
            sums.totals.hits += worker->counters.hits.load();
            sums.totals.misses += worker->counters.misses.load();
            sums.totals.expired += worker->counters.expired.load();
            sums.totals.evicted += worker->counters.evicted.load();
            sums.changes += worker->counters.changes.load();
            sums.reads += worker->traffic.reads.load();
            sums.writes += worker->traffic.writes.load();
        }
    }
    const StoreStats store = node_.store->stats();
    sums.totals.evicted += store.evicted_keys;
    sums.totals.unloaded = store.unloaded_keys;
    return sums;
}

const Clock& NodeFaces::clock() const {
    return node_.environment.clock;
}
Config& NodeFaces::config() {
    return node_.config;
}
Clients& NodeFaces::clients() {
    return node_.clients;
}
SlowLogView& NodeFaces::slow_log() {
    return node_.slow_log;
}
LatencyView& NodeFaces::latency() {
    return node_.latency;
}
CommandStatsView& NodeFaces::command_stats() {
    return node_.command_stats;
}
ErrorStatsView& NodeFaces::error_stats() {
    return node_.error_stats;
}
ClusterView* NodeFaces::cluster() {
    return node_.cluster == nullptr ? nullptr : &cluster_;
}

namespace {

uint64_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    uint64_t pages = 0, resident = 0;
    statm >> pages >> resident;
    return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

std::string make_run_id(uint64_t seed) {
    Rng rng(seed);
    std::string id(40, '0');
    for (char& digit : id) digit = "0123456789abcdef"[rng.below(16)];
    return id;
}

ServerFacts server_facts(const NodeCore& node) {
    ServerFacts facts;
    facts.run_id = make_run_id(node.environment.random_seed ^ static_cast<uint64_t>(node.started_ms.load()));
    utsname name{};
    if (uname(&name) == 0) facts.os = fmt::format("{} {} {}", name.sysname, name.release, name.machine);
    char path[4096];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
    if (length > 0) facts.executable.assign(path, static_cast<size_t>(length));
    facts.process_id = getpid();
    facts.port = std::atoll(node.config.text("port").c_str());
    facts.started_ms = node.started_ms.load();
    facts.lru_clock = static_cast<uint32_t>(node.environment.clock.wall_ms() / 1000) & 0xffffff;
    if (facts.port != 0) {
        ServerFacts::Listener& tcp = facts.listeners.emplace_back();
        tcp.kind = "tcp";
        tcp.port = facts.port;
        const std::string binds = node.config.text("bind");
        for (size_t at = 0; at < binds.size();) {
            const size_t end = std::min(binds.find(' ', at), binds.size());
            if (end > at) tcp.binds.emplace_back(binds, at, end - at);
            at = end + 1;
        }
    }
    if (const std::string socket = node.config.text("unixsocket"); !socket.empty()) {
        ServerFacts::Listener& listener = facts.listeners.emplace_back();
        listener.kind = "unix";
        listener.binds.push_back(socket);
    }
    return facts;
}

CpuFacts cpu_facts() {
    CpuFacts facts;
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + t.tv_usec / 1e6; };
    facts.user = facts.main_user = seconds(usage.ru_utime);
    facts.system = facts.main_system = seconds(usage.ru_stime);
    return facts;
}

PersistenceFacts persistence_facts(const NodeCore& node, const BackupRunner& backups, uint64_t changes) {
    PersistenceFacts facts;
    facts.loading = node.loading.load();
    facts.loading_started_s = node.started_ms.load() / 1000;
    facts.changes_since_backup = changes - backups.changes_at_backup();
    facts.backup_running = backups.backup_running();
    facts.backup_started_s = backups.started_seconds();
    facts.last_backup_s = backups.last_backup_seconds();
    facts.last_backup_seconds = backups.last_duration_seconds();
    facts.last_backup_ok = backups.last_backup_ok();
    facts.backups = backups.backups_ended();
    facts.loaded_keys = node.loaded_keys.load();
    facts.log_enabled = node.store->log_enabled();
    const StoreStats store = node.store->stats();
    facts.cold_keys = store.keys - store.resident_keys;
    facts.cold_reads = store.cold_reads;
    facts.damaged_reads = store.damaged_reads;
    facts.log_bytes = node.store->segments().total_bytes();
    facts.loading_total_bytes = facts.log_bytes;
    facts.loading_loaded_bytes =
        static_cast<uint64_t>(static_cast<double>(facts.log_bytes) * node.store->load_progress());
    if (facts.loading) return facts;
    facts.last_write_ok = node.store->log().state() == Log::State::ok;
    facts.log_live_bytes = node.store->segments().live_bytes();
    facts.log_buffered_bytes = node.store->log().buffered_bytes();
    facts.log_segments = node.store->segments().list().size();
    facts.log_bytes_written = node.store->log().bytes_written();
    const CompactionStats compaction = node.compaction->stats();
    facts.compactions = compaction.jobs;
    facts.compaction_bytes = compaction.bytes_copied;
    const ScrubStats scrub = node.scrubber->stats();
    facts.scrub_rounds = scrub.rounds;
    facts.scrub_bytes = scrub.bytes;
    facts.scrub_damaged_records = scrub.damaged_records;
    facts.scrub_unreadable_ranges = scrub.unreadable_ranges;
    return facts;
}

}  // namespace

NodeFacts NodeFaces::facts() const {
    NodeFacts facts;
    const Sums now = sums();
    const int64_t now_ms = node_.environment.clock.wall_ms();
    facts.server = server_facts(node_);
    facts.cpu = cpu_facts();
    facts.persistence = persistence_facts(node_, backups_, now.changes);

    facts.clients.connected = node_.clients.size();
    node_.clients.for_each([&](ClientState& client) {
        facts.clients.blocked += client.blocked.load() || client.paused.load() ? 1 : 0;
        facts.clients.watching += client.watched_keys.load() != 0 ? 1 : 0;
        facts.clients.watched_keys += client.watched_keys.load();
        facts.clients.memory_bytes += client.total_memory.load();
        facts.clients.max_input_buffer = std::max(facts.clients.max_input_buffer, client.input_bytes.load());
        facts.clients.max_output_buffer =
            std::max(facts.clients.max_output_buffer, client.output_bytes.load());
    });

    const StoreStats store = node_.store->stats();
    facts.memory.record_bytes = store.record_bytes;
    facts.memory.index_bytes = store.index_bytes;
    facts.memory.keys = store.keys;
    facts.memory.log_buffer_bytes = facts.persistence.log_buffered_bytes;
    facts.memory.used = store.record_bytes + store.index_bytes + facts.memory.log_buffer_bytes +
                        facts.clients.memory_bytes + node_.base_memory_bytes;
    facts.memory.startup = node_.base_memory_bytes;
    facts.memory.rss = resident_bytes();
    facts.memory.allocator_allocated = facts.memory.used;
    facts.memory.allocator_active = facts.memory.allocator_resident = facts.memory.rss;
    facts.memory.machine_total =
        static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    facts.memory.allocator = allocator_name();

    std::lock_guard guard(mutex_);
    if (facts.memory.used > peak_bytes_) {
        peak_bytes_ = facts.memory.used;
        peak_at_ms_ = now_ms;
    }
    facts.memory.peak = peak_bytes_;
    facts.memory.peak_at_ms = peak_at_ms_;
    TrafficFacts& traffic = facts.traffic;
    traffic.connections = now.totals.connections - baseline_.connections;
    traffic.rejected_connections = now.totals.rejected - baseline_.rejected;
    traffic.commands = now.totals.commands - baseline_.commands;
    traffic.input_bytes = now.totals.input - baseline_.input;
    traffic.output_bytes = now.totals.output - baseline_.output;
    traffic.hits = now.totals.hits - baseline_.hits;
    traffic.misses = now.totals.misses - baseline_.misses;
    traffic.expired_keys = now.totals.expired - baseline_.expired;
    traffic.evicted_keys = now.totals.evicted - baseline_.evicted;
    traffic.unloaded_keys = now.totals.unloaded - baseline_.unloaded;
    traffic.reads = now.reads;
    traffic.writes = now.writes;
    traffic.error_replies = node_.error_stats.total();
    if (now_ms - rate_at_ms_ >= 1000) {
        const double seconds = static_cast<double>(now_ms - rate_at_ms_) / 1000;
        rates_.commands_per_second =
            static_cast<uint64_t>(static_cast<double>(now.totals.commands - rate_commands_) / seconds);
        rates_.input_kbps = static_cast<double>(now.totals.input - rate_input_) / 1024 / seconds;
        rates_.output_kbps = static_cast<double>(now.totals.output - rate_output_) / 1024 / seconds;
        rate_at_ms_ = now_ms;
        rate_commands_ = now.totals.commands;
        rate_input_ = now.totals.input;
        rate_output_ = now.totals.output;
    }
    traffic.commands_per_second = rates_.commands_per_second;
    traffic.input_kbps = rates_.input_kbps;
    traffic.output_kbps = rates_.output_kbps;
    return facts;
}

std::vector<DatabaseFacts> NodeFaces::databases() const {
    std::vector<DatabaseFacts> all;
    if (node_.cluster != nullptr) {
        // This node's share, copies of others' keys included: records are cells, of which some are
        // tombstones.
        const auto topology = node_.cluster->topology();
        DatabaseFacts facts;
        for (unsigned s = 0; s < kShards; ++s) {
            if (!topology->ring->owns(node_.cluster->self, static_cast<ShardId>(s))) continue;
            const ShardCells& cells = node_.cluster->cells[s];
            facts.keys += static_cast<uint64_t>(std::max<int64_t>(cells.keys.load(), 0));
            facts.expires += static_cast<uint64_t>(std::max<int64_t>(cells.with_expiry.load(), 0));
        }
        if (facts.keys != 0) all.push_back(facts);
        return all;
    }
    const auto count = static_cast<unsigned>(node_.config.live.databases.load());
    for (unsigned db = 0; db < count; ++db) {
        const DbId physical = node_.store->physical_db(db);
        const uint64_t keys = node_.store->db_size(physical);
        if (keys != 0) all.push_back({db, keys, node_.store->db_expires(physical), 0});
    }
    return all;
}

void NodeFaces::reset_stats() {
    const Sums now = sums();
    std::lock_guard guard(mutex_);
    baseline_ = now.totals;
    peak_bytes_ = 0;
}

void NodeFaces::start_monitor(ClientState& client) {
    client.monitor = true;
    if (const auto inbox = node_.clients.inbox_of(client.id)) node_.monitors.add(inbox);
}

void NodeFaces::set_active_expire(bool on) {
    node_.active_expire = on;
}

void NodeFaces::purge_memory() {
    release_free_memory();
}

}  // namespace torc

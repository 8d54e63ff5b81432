// INFO: the node's facts in Redis' sections and field names, which monitoring tools parse by name. Fields of
// features that Torc doesn't have yet are there with the value that Redis shows when they're unused, so that
// nobody's parser stumbles. One section is ours: torc.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/config.h"
#include "base/time.h"
#include "base/version.h"
#include "commands/call.h"
#include "commands/cluster_info.h"
#include "commands/cluster_view.h"
#include "commands/diagnostics.h"
#include "commands/families.h"
#include "commands/info_text.h"
#include "commands/node_view.h"

namespace torc {
namespace {

/// What the sections are written from: facts are gathered once for all of them.
struct InfoSource {
    NodeView& node;
    const NodeFacts facts;
    const int64_t now_ms;
};

double ratio(uint64_t part, uint64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

void server(const InfoSource& from, InfoText& out) {
    const ServerFacts& server = from.facts.server;
    out.section("Server");
    out.field("redis_version", kRedisVersion);
    out.field("redis_git_sha1", "00000000");
    out.field("redis_git_dirty", 0);
    out.field("redis_build_id", "0");
    out.field("torc_version", kTorcVersion);
    out.field("redis_mode", from.node.cluster() != nullptr ? "cluster" : "standalone");
    out.field("os", server.os);
    out.field("arch_bits", sizeof(void*) * 8);
    out.field("monotonic_clock", "POSIX clock_gettime");
    out.field("multiplexing_api", "epoll");
    out.field("atomicvar_api", "c11-builtin");
    out.field("gcc_version", "{}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
    out.field("process_id", server.process_id);
    out.field("process_supervised", "no");
    out.field("run_id", server.run_id);
    out.field("tcp_port", server.port);
    out.field("server_time_usec", from.node.clock().wall_us());
    const int64_t up_seconds = (from.now_ms - server.started_ms) / 1000;
    out.field("uptime_in_seconds", up_seconds);
    out.field("uptime_in_days", up_seconds / 86400);
    const int64_t hz = from.node.config().live.hz;
    out.field("hz", hz);
    out.field("configured_hz", hz);
    out.field("lru_clock", server.lru_clock);
    out.field("executable", server.executable);
    out.field("config_file", from.node.config().file_path());
    out.field("io_threads_active", from.node.config().live.io_threads > 1);
    for (size_t i = 0; i < server.listeners.size(); ++i) {
        const auto& listener = server.listeners[i];
        std::string binds;
        for (const std::string& bind : listener.binds) binds += ",bind=" + bind;
        if (listener.port != 0) binds += fmt::format(",port={}", listener.port);
        out.field(fmt::format("listener{}", i), "name={}{}", listener.kind, binds);
    }
}

void clients(const InfoSource& from, InfoText& out) {
    const ClientFacts& clients = from.facts.clients;
    out.section("Clients");
    out.field("connected_clients", clients.connected);
    out.field("cluster_connections",
              from.node.cluster() == nullptr ? 0 : from.node.cluster()->links().size());
    out.field("maxclients", from.node.config().live.maxclients.load());
    out.field("client_recent_max_input_buffer", clients.max_input_buffer);
    out.field("client_recent_max_output_buffer", clients.max_output_buffer);
    out.field("blocked_clients", clients.blocked);
    out.field("tracking_clients", 0);
    out.field("pubsub_clients", 0);
    out.field("watching_clients", clients.watching);
    out.field("clients_in_timeout_table", clients.in_timeout_table);
    out.field("total_watched_keys", clients.watched_keys);
    out.field("total_blocking_keys", 0);
    out.field("total_blocking_keys_on_nokey", 0);
}

void memory(const InfoSource& from, InfoText& out) {
    const MemoryFacts& memory = from.facts.memory;
    const uint64_t overhead =
        memory.startup + memory.index_bytes + from.facts.clients.memory_bytes + memory.log_buffer_bytes;
    const uint64_t dataset = memory.used > overhead ? memory.used - overhead : 0;
    const uint64_t beyond_startup = memory.used > memory.startup ? memory.used - memory.startup : 0;
    out.section("Memory");
    out.bytes("used_memory", memory.used);
    out.bytes("used_memory_rss", memory.rss);
    out.bytes("used_memory_peak", memory.peak);
    out.field("used_memory_peak_perc", "{:.2f}%", ratio(memory.used, memory.peak) * 100);
    out.field("used_memory_overhead", overhead);
    out.field("used_memory_startup", memory.startup);
    out.field("used_memory_dataset", dataset);
    out.field("used_memory_dataset_perc", "{:.2f}%", ratio(dataset, beyond_startup) * 100);
    out.field("allocator_allocated", memory.allocator_allocated);
    out.field("allocator_active", memory.allocator_active);
    out.field("allocator_resident", memory.allocator_resident);
    out.bytes("total_system_memory", memory.machine_total);
    out.bytes("used_memory_lua", 0);
    out.bytes("used_memory_vm_total", 0);
    out.bytes("used_memory_scripts", 0);
    out.zeros({"used_memory_vm_eval", "used_memory_scripts_eval", "number_of_cached_scripts",
               "number_of_functions", "number_of_libraries", "used_memory_vm_functions",
               "used_memory_functions"});
    out.bytes("maxmemory", static_cast<uint64_t>(from.node.config().live.maxmemory_bytes.load()));
    out.field("maxmemory_policy", from.node.config().text("maxmemory-policy"));
    out.field("allocator_frag_ratio", "{:.2f}", ratio(memory.allocator_active, memory.allocator_allocated));
    out.field("allocator_frag_bytes",
              static_cast<int64_t>(memory.allocator_active - memory.allocator_allocated));
    out.field("allocator_rss_ratio", "{:.2f}", ratio(memory.allocator_resident, memory.allocator_active));
    out.field("allocator_rss_bytes",
              static_cast<int64_t>(memory.allocator_resident - memory.allocator_active));
    out.field("rss_overhead_ratio", "{:.2f}", ratio(memory.rss, memory.allocator_resident));
    out.field("rss_overhead_bytes", static_cast<int64_t>(memory.rss - memory.allocator_resident));
    out.field("mem_fragmentation_ratio", "{:.2f}", ratio(memory.rss, memory.used));
    out.field("mem_fragmentation_bytes", static_cast<int64_t>(memory.rss - memory.used));
    out.zeros({"mem_not_counted_for_evict", "mem_replication_backlog", "mem_total_replication_buffers",
               "mem_clients_slaves"});
    out.field("mem_clients_normal", from.facts.clients.memory_bytes);
    out.field("mem_cluster_links", 0);
    out.field("mem_aof_buffer", memory.log_buffer_bytes);
    out.field("mem_allocator", memory.allocator);
    out.field("active_defrag_running", 0);
    out.field("lazyfree_pending_objects", memory.lazyfree_pending);
    out.field("lazyfreed_objects", memory.lazyfreed);
}

void persistence(const InfoSource& from, InfoText& out) {
    const PersistenceFacts& facts = from.facts.persistence;
    const int64_t now_s = from.now_ms / 1000;
    out.section("Persistence");
    out.field("loading", facts.loading);
    out.zeros({"async_loading", "current_cow_peak", "current_cow_size", "current_cow_size_age"});
    out.field("current_fork_perc", "0.00");
    out.zeros({"current_save_keys_processed", "current_save_keys_total"});
    out.field("rdb_changes_since_last_save", facts.changes_since_backup);
    out.field("rdb_bgsave_in_progress", facts.backup_running);
    out.field("rdb_last_save_time", facts.last_backup_s);
    out.field("rdb_last_bgsave_status", facts.last_backup_ok ? "ok" : "err");
    out.field("rdb_last_bgsave_time_sec", facts.last_backup_seconds);
    out.field("rdb_current_bgsave_time_sec", facts.backup_running ? now_s - facts.backup_started_s : -1);
    out.field("rdb_saves", facts.backups);
    out.field("rdb_last_cow_size", 0);
    out.field("rdb_last_load_keys_expired", facts.expired_at_load);
    out.field("rdb_last_load_keys_loaded", facts.loaded_keys);
    out.field("aof_enabled", facts.log_enabled);
    out.zeros({"aof_rewrite_in_progress", "aof_rewrite_scheduled"});
    out.field("aof_last_rewrite_time_sec", -1);
    out.field("aof_current_rewrite_time_sec", -1);
    out.field("aof_last_bgrewrite_status", "ok");
    out.zeros({"aof_rewrites", "aof_rewrites_consecutive_failures"});
    out.field("aof_last_write_status", facts.last_write_ok ? "ok" : "err");
    out.field("aof_last_cow_size", 0);
    out.zeros({"module_fork_in_progress", "module_fork_last_cow_size"});
    if (facts.log_enabled) {
        out.field("aof_current_size", facts.log_bytes);
        out.field("aof_base_size", facts.log_live_bytes);
        out.field("aof_pending_rewrite", 0);
        out.field("aof_buffer_length", facts.log_buffered_bytes);
        out.zeros({"aof_pending_bio_fsync", "aof_delayed_fsync"});
    }
    if (!facts.loading) return;
    const double done = ratio(facts.loading_loaded_bytes, facts.loading_total_bytes);
    const double seconds = static_cast<double>(std::max<int64_t>(now_s - facts.loading_started_s, 0));
    out.field("loading_start_time", facts.loading_started_s);
    out.field("loading_total_bytes", facts.loading_total_bytes);
    out.field("loading_rdb_used_mem", 0);
    out.field("loading_loaded_bytes", facts.loading_loaded_bytes);
    out.field("loading_loaded_perc", "{:.2f}", done * 100);
    out.field("loading_eta_seconds", done > 0 ? std::llround(seconds / done - seconds) : 1);
}

void stats(const InfoSource& from, InfoText& out) {
    const TrafficFacts& traffic = from.facts.traffic;
    out.section("Stats");
    out.field("total_connections_received", traffic.connections);
    out.field("total_commands_processed", traffic.commands);
    out.field("instantaneous_ops_per_sec", traffic.commands_per_second);
    out.field("total_net_input_bytes", traffic.input_bytes);
    out.field("total_net_output_bytes", traffic.output_bytes);
    out.zeros({"total_net_repl_input_bytes", "total_net_repl_output_bytes"});
    out.field("instantaneous_input_kbps", "{:.2f}", traffic.input_kbps);
    out.field("instantaneous_output_kbps", "{:.2f}", traffic.output_kbps);
    out.field("instantaneous_input_repl_kbps", "0.00");
    out.field("instantaneous_output_repl_kbps", "0.00");
    out.field("rejected_connections", traffic.rejected_connections);
    out.zeros({"sync_full", "sync_partial_ok", "sync_partial_err"});
    out.field("expired_keys", traffic.expired_keys);
    out.field("expired_stale_perc", "0.00");
    out.field("expired_time_cap_reached_count", 0);
    out.field("expire_cycle_cpu_milliseconds", traffic.expire_cycle_ms);
    out.field("evicted_keys", traffic.evicted_keys);
    out.field("evicted_clients", traffic.evicted_clients);
    out.field("evicted_scripts", 0);
    out.field("total_eviction_exceeded_time", traffic.eviction_exceeded_ms);
    out.field("current_eviction_exceeded_time", traffic.eviction_exceeding_ms);
    out.field("keyspace_hits", traffic.hits);
    out.field("keyspace_misses", traffic.misses);
    out.zeros({"pubsub_channels", "pubsub_patterns", "pubsubshard_channels", "latest_fork_usec",
               "total_forks", "migrate_cached_sockets", "slave_expires_tracked_keys", "active_defrag_hits",
               "active_defrag_misses", "active_defrag_key_hits", "active_defrag_key_misses",
               "total_active_defrag_time", "current_active_defrag_time", "tracking_total_keys",
               "tracking_total_items", "tracking_total_prefixes", "unexpected_error_replies"});
    out.field("total_error_replies", from.node.error_stats().total());
    out.field("dump_payload_sanitizations", 0);
    out.field("total_reads_processed", traffic.reads);
    out.field("total_writes_processed", traffic.writes);
    out.zeros({"io_threaded_reads_processed", "io_threaded_writes_processed"});
    out.field("client_query_buffer_limit_disconnections", traffic.query_buffer_limit_disconnections);
    out.field("client_output_buffer_limit_disconnections", traffic.output_buffer_limit_disconnections);
    out.zeros({"reply_buffer_shrinks", "reply_buffer_expands", "eventloop_cycles", "eventloop_duration_sum",
               "eventloop_duration_cmd_sum", "instantaneous_eventloop_cycles_per_sec",
               "instantaneous_eventloop_duration_usec", "acl_access_denied_auth", "acl_access_denied_cmd",
               "acl_access_denied_key", "acl_access_denied_channel"});
}

void replication(const InfoSource& from, InfoText& out) {
    out.section("Replication");
    out.field("role", "master");
    write_replicas(from.node.cluster(), from.now_ms, out);
    out.field("master_failover_state", "no-failover");
    out.field("master_replid", from.facts.server.run_id);
    out.field("master_replid2", std::string(40, '0'));
    out.field("master_repl_offset", 0);
    out.field("second_repl_offset", -1);
    out.field("repl_backlog_active", 0);
    out.field("repl_backlog_size", from.node.config().text("repl-backlog-size"));
    out.zeros({"repl_backlog_first_byte_offset", "repl_backlog_histlen"});
}

void cpu(const InfoSource& from, InfoText& out) {
    const CpuFacts& cpu = from.facts.cpu;
    out.section("CPU");
    out.field("used_cpu_sys", "{:.6f}", cpu.system);
    out.field("used_cpu_user", "{:.6f}", cpu.user);
    out.field("used_cpu_sys_children", "0.000000");
    out.field("used_cpu_user_children", "0.000000");
    out.field("used_cpu_sys_main_thread", "{:.6f}", cpu.main_system);
    out.field("used_cpu_user_main_thread", "{:.6f}", cpu.main_user);
}

void torc_section(const InfoSource& from, InfoText& out) {
    const PersistenceFacts& facts = from.facts.persistence;
    out.section("Torc");
    out.field("io_threads", from.node.config().live.io_threads.load());
    out.field("log_bytes", facts.log_bytes);
    out.field("log_live_bytes", facts.log_live_bytes);
    out.field("log_segments", facts.log_segments);
    out.field("log_buffered_bytes", facts.log_buffered_bytes);
    out.field("log_bytes_written", facts.log_bytes_written);
    out.field("compactions", facts.compactions);
    out.field("compaction_bytes", facts.compaction_bytes);
    out.field("index_bytes", from.facts.memory.index_bytes);
    out.field("record_bytes", from.facts.memory.record_bytes);
    out.field("cold_keys", facts.cold_keys);
    out.field("cold_reads", facts.cold_reads);
    out.field("damaged_reads", facts.damaged_reads);
    out.field("scrub_rounds", facts.scrub_rounds);
    out.field("scrub_bytes", facts.scrub_bytes);
    out.field("scrub_damaged_records", facts.scrub_damaged_records);
    out.field("scrub_unreadable_ranges", facts.scrub_unreadable_ranges);
    out.field("unloaded_keys", from.facts.traffic.unloaded_keys);
}

void modules(const InfoSource&, InfoText& out) {
    out.section("Modules");
}

void commandstats(const InfoSource& from, InfoText& out) {
    out.section("Commandstats");
    for (const CommandUse& use : from.node.command_stats().used()) {
        const uint64_t usec = use.nanoseconds / 1000;
        out.field(fmt::format("cmdstat_{}", use.name),
                  "calls={},usec={},usec_per_call={:.2f},rejected_calls={},failed_calls={}", use.calls, usec,
                  ratio(usec, use.calls), use.rejected, use.failed);
    }
}

void errorstats(const InfoSource& from, InfoText& out) {
    out.section("Errorstats");
    for (const auto& [code, count] : from.node.error_stats().counts())
        out.field(fmt::format("errorstat_{}", code), "count={}", count);
}

// The latency that `percent` of the calls stayed at or below, in microseconds.
double percentile(const CommandLatency& latency, double percent) {
    const double wanted = std::max(1.0, std::floor(percent / 100 * static_cast<double>(latency.calls) + 0.5));
    uint64_t seen = 0;
    for (const LatencyBucket& bucket : latency.buckets) {
        seen += bucket.count;
        if (static_cast<double>(seen) >= wanted) return static_cast<double>(bucket.upto_ns) / 1000;
    }
    return 0;
}

void latencystats(const InfoSource& from, InfoText& out) {
    out.section("Latencystats");
    if (!from.node.config().live.latency_tracking) return;
    const std::string percents = from.node.config().text("latency-tracking-info-percentiles");
    for (const CommandLatency& latency : from.node.command_stats().latencies({})) {
        std::string shown;
        for (size_t at = 0; at < percents.size();) {
            const size_t end = std::min(percents.find(' ', at), percents.size());
            const std::string percent = percents.substr(at, end - at);
            at = end + 1;
            if (!shown.empty()) shown += ',';
            shown += fmt::format("p{}={:.3f}", percent, percentile(latency, std::stod(percent)));
        }
        out.field(fmt::format("latency_percentiles_usec_{}", latency.name), shown);
    }
}

void cluster(const InfoSource& from, InfoText& out) {
    ClusterView* const view = from.node.cluster();
    out.section("Cluster");
    out.field("cluster_enabled", view != nullptr);
    if (view != nullptr) write_cluster_figures(view->picture(), view->figures(), from.now_ms, out);
}

void keyspace(const InfoSource& from, InfoText& out) {
    out.section("Keyspace");
    for (const DatabaseFacts& database : from.node.databases()) {
        if (database.keys == 0) continue;
        out.field(fmt::format("db{}", database.db), "keys={},expires={},avg_ttl={}", database.keys,
                  database.expires, database.average_ttl_ms);
    }
}

struct Section {
    std::string_view name;
    bool by_default;
    bool in_all;  // `everything` shows each
    void (*write)(const InfoSource&, InfoText&);
};

// In the order of the reply, whatever the order of the arguments.
constexpr Section kSections[] = {
    {"server", true, true, server},
    {"clients", true, true, clients},
    {"memory", true, true, memory},
    {"persistence", true, true, persistence},
    {"stats", true, true, stats},
    {"replication", true, true, replication},
    {"cpu", true, true, cpu},
    {"torc", true, true, torc_section},
    {"modules", true, true, modules},
    {"commandstats", false, true, commandstats},
    {"errorstats", true, true, errorstats},
    {"latencystats", false, true, latencystats},
    {"cluster", true, true, cluster},
    {"keyspace", true, true, keyspace},
};

bool is_wanted(const Section& section, Args names) {
    if (names.empty()) return section.by_default;
    return std::ranges::any_of(names, [&section](std::string_view name) {
        if (word_is(name, "default")) return section.by_default;
        if (word_is(name, "all")) return section.in_all;
        return word_is(name, "everything") || word_is(name, section.name);
    });
}

void info(Call& call) {
    const InfoSource from{call.node, call.node.facts(), call.now_ms};
    InfoText out;
    for (const Section& section : kSections)
        if (is_wanted(section, call.args.subspan(1))) section.write(from, out);
    call.reply.verbatim("txt", out.text());
}

constexpr CommandSpec kCommands[] = {
    {"info", -1, kLoading | kStale, kCatSlow | kCatDangerous, {}, info},
};

}  // namespace

std::span<const CommandSpec> info_commands() {
    return kCommands;
}

}  // namespace torc

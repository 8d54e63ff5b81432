#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <vector>

#include "base/consistency.h"
#include "base/directive.h"

namespace torc {
namespace {

using Kind = Directive::Kind;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMaxInt = std::numeric_limits<int32_t>::max();
constexpr int64_t kMinInt = std::numeric_limits<int32_t>::min();

/// Of an enum's names, by number.
template <size_t kCount>
constexpr std::array<Choice, kCount> numbered(const std::array<std::string_view, kCount>& names) {
    std::array<Choice, kCount> all{};
    for (size_t i = 0; i < kCount; ++i) all[i] = {names[i], static_cast<int>(i)};
    return all;
}

constexpr auto kConsistencyLevels = numbered(kConsistencyNames);
constexpr auto kSiblingPolicies = numbered(kSiblingPolicyNames);
// The words stand in the order in which Redis' error messages list them.
constexpr Choice kKeyspaceScopes[] = {{"cluster", static_cast<int>(KeyspaceScope::cluster)},
                                      {"node", static_cast<int>(KeyspaceScope::node)}};
constexpr Choice kAppendFsync[] = {{"everysec", static_cast<int>(AppendFsync::everysec)},
                                   {"always", static_cast<int>(AppendFsync::always)},
                                   {"no", static_cast<int>(AppendFsync::no)}};
constexpr Choice kMaxmemoryPolicies[] = {{"volatile-lru", 4},   {"volatile-lfu", 5}, {"volatile-random", 6},
                                         {"volatile-ttl", 7},   {"allkeys-lru", 1},  {"allkeys-lfu", 2},
                                         {"allkeys-random", 3}, {"noeviction", 0}};
constexpr Choice kLogLevels[] = {{"debug"}, {"verbose"}, {"notice"}, {"warning"}, {"nothing"}};
constexpr Choice kWho[] = {{"no"}, {"yes"}, {"local"}};
constexpr Choice kSupervision[] = {{"upstart"}, {"systemd"}, {"auto"}, {"no"}};
constexpr Choice kSyslogFacilities[] = {{"user"},   {"local0"}, {"local1"}, {"local2"}, {"local3"},
                                        {"local4"}, {"local5"}, {"local6"}, {"local7"}};
constexpr Choice kOomScoreAdjust[] = {{"no"}, {"yes"}, {"relative"}, {"absolute"}};
constexpr Choice kShutdownOptions[] = {{"default"}, {"save"}, {"nosave"}, {"now"}, {"force"}};
constexpr Choice kAclPubsub[] = {{"allchannels"}, {"resetchannels"}};
constexpr Choice kSanitize[] = {{"no"}, {"yes"}, {"clients"}};
constexpr Choice kDisklessLoad[] = {{"disabled"}, {"on-empty-db"}, {"swapdb"}};
constexpr Choice kPropagationErrors[] = {{"ignore"}, {"panic"}, {"panic-on-replicas"}};
constexpr Choice kEndpointTypes[] = {{"ip"}, {"hostname"}, {"unknown-endpoint"}};

constexpr Directive row(Kind kind, std::string_view name, std::string_view by_default) {
    Directive directive;
    directive.name = name;
    directive.kind = kind;
    directive.default_text = by_default;
    return directive;
}

constexpr Directive number(Kind kind, std::string_view name, std::string_view by_default, int64_t min,
                           int64_t max) {
    Directive directive = row(kind, name, by_default);
    directive.min = min;
    directive.max = max;
    return directive;
}

constexpr Directive integer(std::string_view name, std::string_view by_default, int64_t min, int64_t max) {
    return number(Kind::integer, name, by_default, min, max);
}
constexpr Directive memory(std::string_view name, std::string_view by_default, int64_t min, int64_t max) {
    return number(Kind::memory, name, by_default, min, max);
}
constexpr Directive memory_or_percent(std::string_view name, std::string_view by_default, int64_t min,
                                      int64_t max) {
    return number(Kind::memory_or_percent, name, by_default, min, max);
}
constexpr Directive octal(std::string_view name, std::string_view by_default, int64_t min, int64_t max) {
    return number(Kind::octal, name, by_default, min, max);
}
constexpr Directive choice(std::string_view name, std::string_view by_default,
                           std::span<const Choice> allowed) {
    return row(Kind::choice, name, by_default).with([allowed](Directive& d) { d.allowed = allowed; });
}
constexpr Directive choices(std::string_view name, std::string_view by_default,
                            std::span<const Choice> allowed) {
    return row(Kind::choices, name, by_default).with([allowed](Directive& d) { d.allowed = allowed; });
}
constexpr Directive yes_no(std::string_view name, std::string_view by_default) {
    return row(Kind::yes_no, name, by_default);
}
constexpr Directive text(std::string_view name, std::string_view by_default) {
    return row(Kind::text, name, by_default);
}
constexpr Directive path(std::string_view name, std::string_view by_default) {
    return row(Kind::path, name, by_default);
}
constexpr Directive words(std::string_view name, std::string_view by_default) {
    return row(Kind::words, name, by_default);
}
constexpr Directive save_points(std::string_view name, std::string_view by_default) {
    return row(Kind::save_points, name, by_default);
}
constexpr Directive output_limits(std::string_view name, std::string_view by_default) {
    return row(Kind::output_limits, name, by_default);
}
constexpr Directive keyspace_events(std::string_view name, std::string_view by_default) {
    return row(Kind::keyspace_events, name, by_default);
}
constexpr Directive percentiles(std::string_view name, std::string_view by_default) {
    return row(Kind::percentiles, name, by_default);
}
constexpr Directive key_policies(std::string_view name, std::string_view by_default) {
    return row(Kind::key_policies, name, by_default);
}
constexpr Directive oom_score_values(std::string_view name, std::string_view by_default) {
    return row(Kind::oom_score_values, name, by_default);
}

// clang-format off
constexpr Directive kDirectives[] = {
    // ---- Network
    words("bind", "* -::*").fixed(),
    integer("port", "6379", 0, 65535).fixed(),
    integer("tls-port", "0", 0, 0).fixed(),  // the one value that asks for nothing: kRefused
    yes_no("protected-mode", "yes").live(&LiveSettings::protected_mode),
    text("unixsocket", "").fixed(),
    octal("unixsocketperm", "0", 0, 0777).fixed(),
    integer("tcp-backlog", "511", 0, kMaxInt).fixed(),
    integer("timeout", "0", 0, kMaxInt).live(&LiveSettings::timeout_seconds),
    integer("tcp-keepalive", "300", 0, kMaxInt).live(&LiveSettings::tcp_keepalive_seconds),
    integer("maxclients", "10000", 1, 4294967295).live(&LiveSettings::maxclients),
    integer("socket-mark-id", "0", 0, 4294967295).fixed().no_effect(),
    text("bind-source-addr", "").no_effect(),
    // ---- Process
    yes_no("daemonize", "no").fixed(),
    text("pidfile", "").fixed(),
    choice("supervised", "no", kSupervision).fixed().no_effect(),
    choice("loglevel", "notice", kLogLevels),
    text("logfile", "").fixed(),
    yes_no("syslog-enabled", "no").fixed().no_effect(),
    text("syslog-ident", "redis").fixed().no_effect(),
    choice("syslog-facility", "local0", kSyslogFacilities).fixed().no_effect(),
    yes_no("always-show-logo", "no").fixed().no_effect(),
    yes_no("set-proc-title", "yes").fixed().no_effect(),
    text("proc-title-template", "{title} {listen-addr} {server-mode}").no_effect(),
    text("locale-collate", "").no_effect(),
    yes_no("crash-log-enabled", "yes").no_effect(),
    yes_no("crash-memcheck-enabled", "yes").no_effect(),
    yes_no("disable-thp", "yes").fixed().no_effect(),
    choice("oom-score-adj", "no", kOomScoreAdjust).no_effect(),
    oom_score_values("oom-score-adj-values", "0 200 800").no_effect(),
    text("server_cpulist", "").fixed().no_effect(),
    text("bio_cpulist", "").fixed().no_effect(),
    text("aof_rewrite_cpulist", "").fixed().no_effect(),
    text("bgsave_cpulist", "").fixed().no_effect(),
    text("ignore-warnings", "").no_effect(),
    choices("shutdown-on-sigint", "default", kShutdownOptions).no_effect(),
    choices("shutdown-on-sigterm", "default", kShutdownOptions).no_effect(),
    integer("shutdown-timeout", "10", 0, kMaxInt).no_effect(),
    integer("io-threads", "0", 0, 64).fixed().live(&LiveSettings::io_threads),
    yes_no("io-threads-do-reads", "no").fixed().no_effect(),
    integer("hz", "10", 1, 500).clip().live(&LiveSettings::hz),
    yes_no("dynamic-hz", "yes").no_effect(),
    integer("active-expire-effort", "1", 1, 10).no_effect(),
    yes_no("activerehashing", "yes").no_effect(),
    // ---- Data
    path("dir", "./").protect().fixed(),
    integer("databases", "16", 1, 256).fixed().live(&LiveSettings::databases),
    yes_no("appendonly", "yes").live(&LiveSettings::appendonly),
    choice("appendfsync", "everysec", kAppendFsync).live(&LiveSettings::appendfsync),
    memory("segment-size", "67108864", 1 << 20, 1LL << 31).fixed().live(&LiveSettings::segment_bytes),
    memory("log-buffer-size", "67108864", 1 << 20, 1LL << 34).fixed().live(&LiveSettings::log_buffer_bytes),
    memory("max-entry-size", "536870912", 1024, 512LL << 20).live(&LiveSettings::max_entry_bytes),
    integer("compaction-max-space-percent", "200", 110, 1000).live(&LiveSettings::compaction_max_space_percent),
    memory("compaction-rate-limit", "0", 0, kMax).live(&LiveSettings::compaction_rate_bytes_per_second),
    memory("scrub-rate", "1048576", 0, kMax).live(&LiveSettings::scrub_bytes_per_second),
    // ---- Memory
    memory("maxmemory", "0", 0, kMax).live(&LiveSettings::maxmemory_bytes),
    choice("maxmemory-policy", "noeviction", kMaxmemoryPolicies).live(&LiveSettings::maxmemory_policy),
    integer("maxmemory-samples", "5", 1, kMaxInt).live(&LiveSettings::maxmemory_samples),
    integer("maxmemory-eviction-tenacity", "10", 0, 100).no_effect(),
    memory_or_percent("maxmemory-clients", "0", 0, kMax).no_effect(),
    integer("lfu-log-factor", "10", 0, kMaxInt).live(&LiveSettings::lfu_log_factor),
    integer("lfu-decay-time", "1", 0, kMaxInt).live(&LiveSettings::lfu_decay_time_minutes),
    yes_no("lazyfree-lazy-eviction", "no").no_effect(),
    yes_no("lazyfree-lazy-expire", "no").no_effect(),
    yes_no("lazyfree-lazy-server-del", "no").no_effect(),
    yes_no("lazyfree-lazy-user-del", "no").no_effect(),
    yes_no("lazyfree-lazy-user-flush", "no"),
    yes_no("activedefrag", "no").no_effect(),
    memory("active-defrag-ignore-bytes", "104857600", 1, kMax).no_effect(),
    integer("active-defrag-threshold-lower", "10", 0, 1000).no_effect(),
    integer("active-defrag-threshold-upper", "100", 0, 1000).no_effect(),
    integer("active-defrag-cycle-min", "1", 1, 99).no_effect(),
    integer("active-defrag-cycle-max", "25", 1, 99).no_effect(),
    integer("active-defrag-max-scan-fields", "1000", 1, kMax).no_effect(),
    yes_no("jemalloc-bg-thread", "yes").no_effect(),
    // ---- Clients and limits
    output_limits("client-output-buffer-limit", "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"),
    memory("client-query-buffer-limit", "1073741824", 1 << 20, kMax).live(&LiveSettings::client_query_buffer_limit_bytes),
    memory("proto-max-bulk-len", "536870912", 1 << 20, kMax).live(&LiveSettings::proto_max_bulk_bytes),
    keyspace_events("notify-keyspace-events", ""),
    integer("tracking-table-max-keys", "1000000", 0, kMax).no_effect(),
    // ---- Security
    text("requirepass", ""),
    choice("enable-debug-command", "no", kWho).fixed(),
    choice("enable-protected-configs", "no", kWho).fixed(),
    choice("enable-module-command", "no", kWho).fixed().no_effect(),
    integer("acllog-max-len", "128", 0, kMax).no_effect(),
    choice("acl-pubsub-default", "resetchannels", kAclPubsub).no_effect(),
    choice("sanitize-dump-payload", "no", kSanitize).no_effect(),
    // ---- Observability
    integer("slowlog-log-slower-than", "10000", -1, kMax).live(&LiveSettings::slowlog_log_slower_than_us),
    integer("slowlog-max-len", "128", 0, kMax).live(&LiveSettings::slowlog_max_len),
    integer("latency-monitor-threshold", "0", 0, kMax).live(&LiveSettings::latency_monitor_threshold_ms),
    yes_no("latency-tracking", "yes").live(&LiveSettings::latency_tracking),
    percentiles("latency-tracking-info-percentiles", "50 99 99.9"),
    // ---- Backups, Redis' files and replication
    save_points("save", "").no_effect(),
    text("dbfilename", "dump.rdb").protect().no_effect(),
    yes_no("rdbcompression", "yes").no_effect(),
    yes_no("rdbchecksum", "yes").fixed().no_effect(),
    yes_no("rdb-del-sync-files", "no").no_effect(),
    yes_no("rdb-save-incremental-fsync", "yes").no_effect(),
    yes_no("stop-writes-on-bgsave-error", "yes").no_effect(),
    text("appendfilename", "appendonly.aof").fixed().no_effect(),
    text("appenddirname", "appendonlydir").fixed().no_effect(),
    yes_no("no-appendfsync-on-rewrite", "no").no_effect(),
    integer("auto-aof-rewrite-percentage", "100", 0, kMaxInt).no_effect(),
    memory("auto-aof-rewrite-min-size", "67108864", 0, kMax).no_effect(),
    yes_no("aof-load-truncated", "yes").no_effect(),
    yes_no("aof-use-rdb-preamble", "yes").no_effect(),
    yes_no("aof-timestamp-enabled", "no").no_effect(),
    yes_no("aof-disable-auto-gc", "no").no_effect(),
    yes_no("aof-rewrite-incremental-fsync", "yes").no_effect(),
    text("masterauth", "").no_effect(),
    text("masteruser", "").no_effect(),
    yes_no("replica-serve-stale-data", "yes").alias("slave-serve-stale-data").no_effect(),
    yes_no("replica-read-only", "yes").alias("slave-read-only").no_effect(),
    yes_no("replica-ignore-maxmemory", "yes").alias("slave-ignore-maxmemory").no_effect(),
    yes_no("replica-lazy-flush", "no").alias("slave-lazy-flush").no_effect(),
    yes_no("replica-ignore-disk-write-errors", "no").no_effect(),
    integer("replica-priority", "100", 0, kMaxInt).alias("slave-priority").no_effect(),
    yes_no("replica-announced", "yes").no_effect(),
    text("replica-announce-ip", "").alias("slave-announce-ip").no_effect(),
    integer("replica-announce-port", "0", 0, 65535).alias("slave-announce-port").no_effect(),
    integer("min-replicas-to-write", "0", 0, kMaxInt).alias("min-slaves-to-write").no_effect(),
    integer("min-replicas-max-lag", "10", 0, kMaxInt).alias("min-slaves-max-lag").no_effect(),
    yes_no("repl-diskless-sync", "yes").no_effect(),
    integer("repl-diskless-sync-delay", "5", 0, kMaxInt).no_effect(),
    integer("repl-diskless-sync-max-replicas", "0", 0, kMaxInt).no_effect(),
    choice("repl-diskless-load", "disabled", kDisklessLoad).no_effect(),
    integer("repl-ping-replica-period", "10", 1, kMaxInt).alias("repl-ping-slave-period").no_effect(),
    integer("repl-timeout", "60", 1, kMaxInt).no_effect(),
    yes_no("repl-disable-tcp-nodelay", "no").no_effect(),
    memory("repl-backlog-size", "1048576", 1, kMax).no_effect(),
    integer("repl-backlog-ttl", "3600", 0, kMax).no_effect(),
    choice("propagation-error-behavior", "ignore", kPropagationErrors).no_effect(),
    // ---- Cluster
    yes_no("cluster-enabled", "no").fixed().live(&LiveSettings::cluster_enabled),
    text("cluster-seeds", "").fixed(),
    text("cluster-secret", "").fixed(),
    text("cluster-replace", "").fixed(),
    text("datacenter", "dc1").fixed(),
    text("rack", "rack1").fixed(),
    integer("vnodes", "16", 1, 256).fixed(),
    integer("replication-factor", "3", 1, 7).fixed(),
    choice("read-consistency", "quorum", kConsistencyLevels).live(&LiveSettings::read_consistency),
    choice("write-consistency", "quorum", kConsistencyLevels).live(&LiveSettings::write_consistency),
    yes_no("sloppy-quorum", "yes").live(&LiveSettings::sloppy_quorum),
    yes_no("cluster-redirect", "no").live(&LiveSettings::cluster_redirect),
    choice("cluster-keyspace-scope", "cluster", kKeyspaceScopes).live(&LiveSettings::keyspace_scope),
    choice("sibling-policy", "keep", kSiblingPolicies).live(&LiveSettings::sibling_policy),
    integer("max-siblings", "100", 1, 10000).live(&LiveSettings::max_siblings),
    key_policies("key-policy", ""),
    integer("cluster-request-timeout", "2000", 10, 600000).live(&LiveSettings::cluster_request_timeout_ms),
    integer("tombstone-horizon", "86400", 1, kMaxInt).live(&LiveSettings::tombstone_horizon_seconds),
    memory("hint-limit", "1073741824", 0, kMax).live(&LiveSettings::hint_limit_bytes),
    memory("transfer-rate", "67108864", 65536, kMax).live(&LiveSettings::transfer_bytes_per_second),
    integer("anti-entropy-interval", "60", 1, kMaxInt).live(&LiveSettings::anti_entropy_seconds),
    text("cluster-config-file", "nodes.conf").fixed().no_effect(),
    integer("cluster-port", "0", 0, 65535).fixed(),
    integer("cluster-node-timeout", "15000", 0, kMax).no_effect(),
    integer("cluster-migration-barrier", "1", 0, kMaxInt).no_effect(),
    integer("cluster-replica-validity-factor", "10", 0, kMaxInt).alias("cluster-slave-validity-factor").no_effect(),
    yes_no("cluster-replica-no-failover", "no").alias("cluster-slave-no-failover").no_effect(),
    yes_no("cluster-require-full-coverage", "yes").no_effect(),
    yes_no("cluster-allow-reads-when-down", "no").no_effect(),
    yes_no("cluster-allow-pubsubshard-when-down", "yes").no_effect(),
    yes_no("cluster-allow-replica-migration", "yes").no_effect(),
    text("cluster-announce-ip", ""),
    text("cluster-announce-hostname", ""),
    text("cluster-announce-human-nodename", "").no_effect(),
    integer("cluster-announce-port", "0", 0, 65535),
    integer("cluster-announce-tls-port", "0", 0, 65535).no_effect(),
    integer("cluster-announce-bus-port", "0", 0, 65535),
    choice("cluster-preferred-endpoint-type", "ip", kEndpointTypes).no_effect(),
    memory("cluster-link-sendbuf-limit", "0", 0, kMax).no_effect(),
    // ---- Encodings and scripts
    integer("hash-max-listpack-entries", "512", 0, kMax).alias("hash-max-ziplist-entries").no_effect(),
    memory("hash-max-listpack-value", "64", 0, kMax).alias("hash-max-ziplist-value").no_effect(),
    integer("list-max-listpack-size", "-2", kMinInt, kMaxInt).alias("list-max-ziplist-size").no_effect(),
    integer("list-compress-depth", "0", 0, kMaxInt).no_effect(),
    integer("set-max-intset-entries", "512", 0, kMax).no_effect(),
    integer("set-max-listpack-entries", "128", 0, kMax).no_effect(),
    memory("set-max-listpack-value", "64", 0, kMax).no_effect(),
    integer("zset-max-listpack-entries", "128", 0, kMax).alias("zset-max-ziplist-entries").no_effect(),
    memory("zset-max-listpack-value", "64", 0, kMax).alias("zset-max-ziplist-value").no_effect(),
    memory("hll-sparse-max-bytes", "3000", 0, kMax).no_effect(),
    memory("stream-node-max-bytes", "4096", 0, kMax).no_effect(),
    integer("stream-node-max-entries", "100", 0, kMax).no_effect(),
    integer("busy-reply-threshold", "5000", 0, kMax).alias("lua-time-limit").no_effect(),
};
// clang-format on

// Directives of Redis that ask for something which Torc doesn't do: staying silent about them would be a lie.
struct Refused {
    std::string_view name;
    std::string_view why;
};
constexpr Refused kRefused[] = {
    {"replicaof", "Torc has no primaries and replicas; remove the line"},
    {"slaveof", "Torc has no primaries and replicas; remove the line"},
    {"aclfile", "ACL users are not there yet; use requirepass"},
    {"user", "ACL users are not there yet; use requirepass"},
    {"loadmodule", "Torc loads no modules; remove the line"},
    {"rename-command", "commands can't be renamed; remove the line"},
    {"tls-", "TLS is not there yet; put a TLS proxy in front and remove the line"},
};

bool same_word(std::string_view a, std::string_view b) {
    return std::ranges::equal(
        a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// How many letters have to be changed, added or dropped to turn one word into the other (Levenshtein).
size_t distance(std::string_view a, std::string_view b) {
    std::vector<size_t> above(b.size() + 1);
    std::vector<size_t> here(b.size() + 1);
    for (size_t j = 0; j <= b.size(); ++j) above[j] = j;
    for (size_t i = 1; i <= a.size(); ++i) {
        here[0] = i;
        for (size_t j = 1; j <= b.size(); ++j) {
            const bool same = std::tolower(static_cast<unsigned char>(a[i - 1])) == b[j - 1];
            here[j] = std::min({above[j] + 1, here[j - 1] + 1, above[j - 1] + (same ? 0 : 1)});
        }
        above.swap(here);
    }
    return above[b.size()];
}

}  // namespace

std::span<const Directive> all_directives() {
    return kDirectives;
}

const Directive* find_directive(std::string_view name) {
    for (const Directive& directive : kDirectives)
        if (same_word(name, directive.name) ||
            (!directive.other_name.empty() && same_word(name, directive.other_name)))
            return &directive;
    return nullptr;
}

std::string_view why_refused(std::string_view name) {
    for (const Refused& refused : kRefused)
        if (refused.name.ends_with('-') ? name.starts_with(refused.name) : same_word(name, refused.name))
            return refused.why;
    return {};
}

std::string remedy_for_unknown(std::string_view name) {
    if (const std::string_view why = why_refused(name); !why.empty()) return std::string(why);
    constexpr size_t kLongestName = 64;  // longer words are no typing errors
    std::string_view nearest;
    size_t least = std::max<size_t>(name.size() / 3, 2) + 1;
    for (const Directive& directive : kDirectives) {
        if (name.size() > kLongestName) break;
        const size_t away = distance(name, directive.name);
        if (away < least) {
            least = away;
            nearest = directive.name;
        }
    }
    if (nearest.empty()) return "no such directive; conf/torc.conf lists them all";
    return "no such directive; did you mean '" + std::string(nearest) + "'?";
}

}  // namespace torc

// The configuration: redis.conf syntax, Redis' names where Redis has one, ours where not. One table of
// directives (config_directives.cc) knows each name, type, bounds, default and whether CONFIG SET may change
// it.
//
// Thread rule: `live` may be read by any thread at any time (relaxed atomics; strings through text()); load()
// before threads start; set(), get(), rewrite() from any thread, one at a time behind an inner mutex.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace torc {

enum class AppendFsync : int { always, everysec, no };
/// What SCAN, KEYS, DBSIZE and RANDOMKEY speak of: all keys on each node, or each node's part.
enum class KeyspaceScope : int { cluster, node };

struct OutputLimit {
    std::atomic<int64_t> hard_bytes{0}, soft_bytes{0}, soft_seconds{0};
};

/// The numbers that the running node looks at, always current. Units are in the names.
struct LiveSettings {
    template <class T>
    using Live = std::atomic<T>;

    Live<int64_t> maxmemory_bytes{0};
    Live<int> maxmemory_policy{0};  // MaxmemoryPolicy of engine/store.h, in its order
    Live<int64_t> maxmemory_samples{5};
    Live<int64_t> lfu_log_factor{10}, lfu_decay_time_minutes{1};
    Live<bool> appendonly{true};
    Live<int> appendfsync{static_cast<int>(AppendFsync::everysec)};
    Live<int64_t> maxclients{10000}, timeout_seconds{0}, tcp_keepalive_seconds{300};
    Live<int64_t> slowlog_log_slower_than_us{10000}, slowlog_max_len{128}, latency_monitor_threshold_ms{0};
    Live<bool> latency_tracking{true};
    Live<int64_t> proto_max_bulk_bytes{512LL << 20}, client_query_buffer_limit_bytes{1LL << 30};
    Live<int64_t> max_entry_bytes{512LL << 20};
    Live<int64_t> hz{10};
    Live<bool> protected_mode{true};
    Live<int64_t> databases{16}, io_threads{1};  // fixed after load
    Live<int64_t> segment_bytes{64LL << 20}, log_buffer_bytes{64LL << 20};
    Live<int64_t> compaction_max_space_percent{200};  // disk use compaction aims at, in percent of live data
    Live<int64_t> compaction_rate_bytes_per_second{0};    // 0: unlimited
    Live<int64_t> scrub_bytes_per_second{1LL << 20};      // 0: never
    Live<bool> cluster_enabled{false};                    // fixed after load, as the next
    Live<int> read_consistency{1}, write_consistency{1};  // Consistency of base/consistency.h
    Live<int> sibling_policy{1};                          // SiblingPolicy, likewise
    Live<bool> sloppy_quorum{true}, cluster_redirect{false};
    Live<int> keyspace_scope{static_cast<int>(KeyspaceScope::cluster)};
    Live<int64_t> max_siblings{100}, cluster_request_timeout_ms{2000}, tombstone_horizon_seconds{86400};
    Live<int64_t> hint_limit_bytes{1LL << 30}, transfer_bytes_per_second{64LL << 20},
        anti_entropy_seconds{60};
    OutputLimit output_normal, output_replica, output_pubsub;

    bool scope_is_node() const {
        return keyspace_scope.load(std::memory_order_relaxed) == static_cast<int>(KeyspaceScope::node);
    }
};

class Config {
  public:
    Config();
    ~Config();

    LiveSettings live;

    /// Reads the file (a first word that doesn't begin with '-' is its path), standard input (if the last
    /// word is "-") and `--name value ...`, each over the one before. argv without the program's name. An
    /// unknown or malformed directive is an error that names file, line and remedy.
    Result<void> load(const std::vector<std::string>& argv);

    /// The current value as CONFIG GET shows it; "" for an unknown name. E.g. text("requirepass").
    std::string text(std::string_view name) const;
    /// All pairs whose names match one of the glob patterns, each once, in the table's order. An alias counts
    /// as a name of its own.
    std::vector<std::pair<std::string, std::string>> get(const std::vector<std::string>& patterns) const;
    /// All or none. The error is a whole CONFIG SET reply without the leading '-' (Redis' words).
    /// `from_local`: asked for by a client of this machine (for enable-protected-configs local).
    Result<void> set(const std::vector<std::pair<std::string, std::string>>& pairs, bool from_local = false);
    /// Writes the values back into the file, keeping its comments and order.
    Result<void> rewrite();
    /// Called (inside set(), after the values changed) when this directive has another value now; an error
    /// undoes the whole set(), and the hooks that had run already run again. May call text(), not set().
    void on_change(std::string_view name, std::function<Result<void>()> hook);

    const std::string& file_path() const;  // "" when started without one

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace torc

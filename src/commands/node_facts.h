// What the node says about itself at one moment, as plain numbers: the stuff of INFO, MEMORY STATS and ROLE.
// Filled by node/ for each request; a field that a build has no figure for stays at its default, which is
// also what Redis shows when there is nothing to tell.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace torc {

struct ServerFacts {
    std::string run_id;  // 40 hex digits, new at each start
    std::string os;      // "Linux 6.1.0 x86_64"
    std::string executable;
    int64_t process_id = 0;
    int64_t port = 0;
    int64_t started_ms = 0;
    struct Listener {
        std::string kind;  // "tcp", "unix"
        std::vector<std::string> binds;
        int64_t port = 0;
    };
    std::vector<Listener> listeners;
    uint32_t lru_clock = 0;
};

struct ClientFacts {
    uint64_t connected = 0;
    uint64_t max_input_buffer = 0, max_output_buffer = 0;  // of recent clients
    uint64_t blocked = 0;
    uint64_t in_timeout_table = 0;
    uint64_t watching = 0;      // clients
    uint64_t watched_keys = 0;  // distinct
    uint64_t memory_bytes = 0;  // of all clients' buffers
};

struct MemoryFacts {
    uint64_t used = 0;  // data, index and buffers
    uint64_t rss = 0;
    uint64_t peak = 0;
    int64_t peak_at_ms = 0;
    uint64_t startup = 0;
    uint64_t index_bytes = 0, record_bytes = 0, keys = 0;
    uint64_t log_buffer_bytes = 0;
    uint64_t allocator_allocated = 0, allocator_active = 0, allocator_resident = 0;
    uint64_t machine_total = 0;
    uint64_t lazyfree_pending = 0, lazyfreed = 0;
    std::string allocator;  // "mimalloc-2.0.9"
};

struct PersistenceFacts {
    bool loading = false;
    int64_t loading_started_s = 0;
    uint64_t loading_total_bytes = 0, loading_loaded_bytes = 0;
    uint64_t changes_since_backup = 0;
    bool backup_running = false;
    int64_t backup_started_s = 0;      // of the running one
    int64_t last_backup_s = 0;         // end of the last good one; the process' start before that
    int64_t last_backup_seconds = -1;  // how long it took
    bool last_backup_ok = true;
    uint64_t backups = 0;
    uint64_t expired_at_load = 0, loaded_keys = 0;
    bool log_enabled = false;
    bool last_write_ok = true;
    uint64_t log_bytes = 0, log_live_bytes = 0, log_buffered_bytes = 0, log_segments = 0;
    uint64_t log_bytes_written = 0, compactions = 0, compaction_bytes = 0;
    uint64_t cold_keys = 0;  // live keys whose value is on disk only
    uint64_t cold_reads = 0, damaged_reads = 0;
    uint64_t scrub_rounds = 0, scrub_bytes = 0, scrub_damaged_records = 0, scrub_unreadable_ranges = 0;
};

struct TrafficFacts {
    uint64_t connections = 0, rejected_connections = 0;
    uint64_t commands = 0, reads = 0, writes = 0;
    uint64_t input_bytes = 0, output_bytes = 0;
    uint64_t commands_per_second = 0;  // now
    double input_kbps = 0, output_kbps = 0;
    uint64_t expired_keys = 0, evicted_keys = 0, unloaded_keys = 0, evicted_clients = 0;
    uint64_t expire_cycle_ms = 0;
    uint64_t query_buffer_limit_disconnections = 0, output_buffer_limit_disconnections = 0;
    uint64_t hits = 0, misses = 0;
    uint64_t error_replies = 0;
    uint64_t eviction_exceeded_ms = 0, eviction_exceeding_ms = 0;  // over the limit: in all, and now
};

struct CpuFacts {
    double system = 0, user = 0;  // seconds of the process
    double main_system = 0, main_user = 0;
};

struct NodeFacts {
    ServerFacts server;
    ClientFacts clients;
    MemoryFacts memory;
    PersistenceFacts persistence;
    TrafficFacts traffic;
    CpuFacts cpu;
};

}  // namespace torc

// One connection's state as commands see it. Owned by the session (or a test); commands run on the session's
// thread. What other threads read (CLIENT LIST, CLIENT KILL) is atomic or under `names_mutex`.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace torc {

struct Call;
struct CommandSpec;

/// Why a command has no reply yet. The dispatcher keeps the connection waiting (later commands stay unread)
/// until the condition holds or the deadline passes, and then calls `finish` to write the reply.
struct Block {
    enum class Kind : uint8_t {
        none,
        time,        // only the deadline ends it
        synced,      // Log::synced_lsn() >= lsn ends it too
        replicated,  // Clients::writes_replicated() >= arguments[0] ends it too
        /// Clients::writes_synced(), if arguments[0] asks for that, and
        /// Clients::replicas_synced() >= arguments[1] end it too
        synced_by_replicas,
        backup,  // Persistence::backups_ended() > arguments[0] ends it too
        repair,  // ClusterView::repair_report(arguments[0]) ends it too
    };
    Kind kind = Kind::none;
    int64_t deadline_ms = 0;  // wall clock; 0: never
    Lsn lsn = 0;
    int64_t arguments[2] = {0, 0};                    // for finish
    void (*finish)(Call&, bool timed_out) = nullptr;  // null: nothing to say
};

struct QueuedCommand {
    const CommandSpec* spec = nullptr;
    std::vector<std::string> words;  // owned: the input buffer moves on
};

enum class ReplyMode : uint8_t { on, off, skip, skip_next };

struct ClientState {
    // ---- fixed when the connection is made
    uint64_t id = 0;
    std::string address;  // "ip:port" or "path:0"
    std::string local_address;
    int64_t created_ms = 0;
    int fd = -1;
    bool local = false;  // unix socket or loopback, for enable-debug-command local and protected-mode

    // ---- read by other threads
    std::atomic<unsigned> db{0};
    std::atomic<int> protocol{2};
    std::atomic<int64_t> last_used_ms{0};
    std::atomic<const CommandSpec*> last_command{nullptr};  // a subcommand's spec, where there is one
    std::atomic<const CommandSpec*> last_container{nullptr};
    std::atomic<int> queued_commands{-1};  // -1: not in MULTI
    std::atomic<unsigned> watched_keys{0};
    std::atomic<uint64_t> input_bytes{0}, input_free{0}, output_bytes{0}, total_memory{0};
    std::atomic<uint64_t> arguments_bytes{0};
    std::atomic<bool> monitor{false}, no_evict{false}, no_touch{false};
    std::atomic<bool> blocked{false};  // by its own command, whose reply is still to come
    std::atomic<bool> paused{false};   // CLIENT PAUSE holds its next command
    std::atomic<bool> readonly{false};  // READONLY: reads from the nearest replica will do
    std::atomic<bool> close_asap{false};
    std::atomic<int> unblock{0};  // CLIENT UNBLOCK: 1 as if timed out, 2 with an error
    std::mutex names_mutex;
    std::string name, library_name, library_version,
        user = "default";  // written by its own thread under the mutex

    mutable std::mutex watch_mutex;  // guards the pointer `watch` for other threads

    // ---- only its own thread
    bool authenticated = false;
    bool close_after_reply = false;
    ReplyMode reply_mode = ReplyMode::on;
    std::vector<QueuedCommand> queue;  // MULTI
    uint64_t queued_bytes = 0;         // of its words, since it was empty
    bool in_multi = false;
    bool multi_failed = false;  // EXEC answers -EXECABORT
    Block block;
    Lsn last_write_lsn = 0;  // for WAITAOF
    /// What WATCH left: owned by node/watch.h.
    std::shared_ptr<struct WatchState> watch;
};

}  // namespace torc

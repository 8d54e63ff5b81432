// A connection's insides; client.h is the face that the server sees.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "base/buffer.h"
#include "commands/client_state.h"
#include "node/client.h"
#include "node/cluster_client.h"
#include "node/cold_fetch.h"
#include "node/inbox.h"
#include "node/reply_queue.h"
#include "node/wake_handle.h"
#include "resp/parser.h"
#include "resp/reply.h"

namespace torc {

struct WorkerCore;
struct Prepared;
enum class Outcome : uint8_t;

/// Why a connection's next command doesn't start.
enum class Pause : uint8_t {
    none,
    lock,          // a shard lock: parked in its queue
    fetch,         // records are being read
    room,          // the log's buffer is full
    block,         // the last command's reply is still to come
    quorum,        // other nodes are asked for what the command needs
    replies,       // earlier replies have to come first
    client_pause,  // CLIENT PAUSE
    closing,
};

/// Brings an internal connection its next command, in place of a socket's bytes.
class CommandFeeder {
  public:
    virtual ~CommandFeeder() = default;
    /// Runs the next command, if there is one. False when there's nothing more to do for now.
    virtual bool feed() = 0;
};

struct ClientCore {
    /// With a feeder: a connection of the node's own, which clients don't see.
    ClientCore(WorkerCore& worker, ClientPort& port, std::unique_ptr<ClientState> state,
               CommandFeeder* feeder = nullptr);
    ~ClientCore();

    WorkerCore& worker;
    ClientPort& port;
    std::unique_ptr<ClientState> state;
    std::shared_ptr<WakeHandle> handle;
    std::shared_ptr<Inbox> inbox;

    Buffer input;
    Buffer output;
    RequestParser parser;
    ReplyWriter reply;
    ColdFetch fetch;
    Pause pause = Pause::none;
    ShardId parked_at = 0;
    size_t read_size = kSmallRead;
    size_t input_left = 0;  // unread bytes after the last run
    /// The words of the command that couldn't start, taken out of the input: parsing it again could cost as
    /// much as it did before, and inline commands are unquoted in place.
    std::vector<std::string> retry;

    /// Bytes of output up to `end` (counted since the connection began) may leave when the log has passed
    /// `lsn`.
    struct Mark {
        Lsn lsn;
        uint64_t end;
        uint32_t replies;
    };
    std::deque<Mark> marks;
    uint64_t output_begin = 0;  // bytes sent before output.data()
    uint64_t releasable = 0;    // bytes since the beginning that may leave
    Lsn seen_lsn = 0;           // highest LSN that the unmarked replies depend on
    Lsn own_lsn = 0;            // the part of it that this connection wrote itself
    uint32_t unmarked_replies = 0;
    bool in_dirty = false, in_waiting = false, in_timed = false;
    /// CLIENT PAUSE: how many workers haven't passed a turn since; replies stay until it's zero.
    std::shared_ptr<std::atomic<size_t>> hold;
    bool waits_for_sync = false;  // block.kind == synced

    // ---- on a cluster
    CommandFeeder* const feeder;
    const CommandSpec* retry_spec = nullptr;  // of an internal command that couldn't start: no table has it
    std::shared_ptr<ReplyQueue> replies;
    bool reply_is_pending = false;               // the running command's reply stands in `replies`
    bool reply_is_muted = false;                 // ... and won't be sent (CLIENT REPLY)
    std::deque<uint64_t>* boundaries = nullptr;  // behind each reply's end, counted as Mark::end
    ClusterClient cluster;

    static constexpr size_t kSmallRead = 1024;
    static constexpr size_t kLargeRead = 64 * 1024;
    static constexpr size_t kBatch = 64;  // commands parsed ahead

    void on_input();
    void resume();
    /// Gathers what the replies since the last mark depend on.
    void mark_replies();
    /// Lets go what `durable` covers. True when nothing is held back any more.
    bool release(Lsn durable);
    /// The log refuses to be written: replies that were held for it become -INDOUBT.
    void answer_in_doubt();
    /// A blocked command's end: its reply, and on with the input.
    void finish_block(bool timed_out, bool with_error = false);
    void set_dirty();
    void start_closing(bool now);
    size_t sendable() const { return releasable > output_begin ? releasable - output_begin : 0; }
    /// Gives back memory that a quiet connection doesn't need.
    void shrink();
    void protocol_error(std::string_view text);
    /// Runs one prepared command and settles its reply. False when the connection can't go on.
    bool run_one(const Prepared& command);
    /// Behind each reply of a connection with `boundaries`: one byte that isn't part of it, so that an empty
    /// reply, too, waits for what it depends on.
    void end_reply();
    static constexpr size_t kReplyEnd = 1;
    /// Some of `replies` have been written: who waited for that goes on.
    void replies_came();

  private:
    /// Parses and runs up to kBatch commands. False when there's nothing more to do for now.
    bool run_batch();
    bool run_retry();
    bool parse_batch();
    size_t unparsed_from = 0;  // of the input, after parse_batch()
    bool parse_failed = false;
    /// Puts the reply, which begins at `mark`, behind those that are still to come.
    void settle_reply(size_t mark, bool behind, uint32_t unmarked_before);
    /// What every command's end has in common. False when the connection can't go on.
    bool after(Outcome outcome, const Prepared& command);
};

}  // namespace torc

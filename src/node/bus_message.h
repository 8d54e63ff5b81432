// What nodes say to each other on data links (docs/PROTOCOL.md). A frame is a header and any number of
// messages:
//
//   frame     u64 cluster id | u64 ring epoch of the sender | messages
//   message   u8 kind | u32 length of the body | body
//
// Bodies begin with the operation's id, which the answer repeats. Decoders check every bound; a malformed
// frame breaks its link. Views point into the frame.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/wire.h"
#include "node/packed_commands.h"

namespace torc {

enum class BusKind : uint8_t {
    merge = 1,  // join these cells        -> ack
    ack = 2,
    read = 3,  // digest or cells of keys -> read_reply
    read_reply = 4,
    forward = 5,  // run this command        -> forward_reply
    forward_reply = 6,
    exchange = 7,  // repl/exchange.h         -> exchange_reply
    exchange_reply = 8,
    session_end = 9,  // of forwards: the connection is gone, or watches nothing any more
    reap = 10,        // drop these tombstones   -> ack
    sync = 11,        // is your log synced?     -> ack, when it is
};

/// How an operation ended at the peer.
enum class BusStatus : uint8_t {
    done = 0,
    refused = 1,    // not carried out, for good
    elsewhere = 2,  // not carried out: by this node's ring another one has to
    too_late = 3,   // not carried out: the deadline had passed
    later = 4,      // not carried out: try again
    partly = 5,     // a merge from outside of the ring, but for what AckMessage::refused names
};

struct BusFrameHead {
    uint64_t cluster_id = 0;
    uint64_t epoch = 0;
    static constexpr size_t kSize = 16;
};
void append_frame_head(std::string& frame, const BusFrameHead& head);

/// Why a merge is sent: what the receiver may do with it differs.
enum class MergeReason : uint8_t {
    write = 0,     // an owner's share of a write
    stand_in = 1,  // for an owner that's down: counts against the hint limit
    repair = 2,    // read repair, hand-off, anti-entropy
};

struct MergeMessage {
    uint64_t op = 0;
    MergeReason reason = MergeReason::write;
    std::string_view changes;  // see append_change()
};
struct AckMessage {
    uint64_t op = 0;
    BusStatus status = BusStatus::done;
    /// With `partly` alone: a bit for each change of the merge, lowest first. Set: it wasn't joined.
    std::string_view refused = {};
};
struct ReadMessage {
    uint64_t op = 0;
    bool cells = false;  // else one digest over all keys
    std::vector<std::string_view> keys;
};
struct ReadReply {
    uint64_t op = 0;
    BusStatus status = BusStatus::done;
    uint64_t digest = 0;
    std::string_view changes;  // cells: keys that are there
};
struct ForwardMessage {
    uint64_t op = 0;
    uint64_t session = 0;     // of the origin's connection: forwards of one session run in order
    int64_t deadline_ms = 0;  // cluster time
    uint64_t stamp = 0;       // of the origin
    bool resp3 = false;
    bool readonly = false;
    bool joined = false;   // the answer must be of what a quorum has
    bool relayed = false;  // by a node that has just ceded the shard to the receiver: it ends there
    uint8_t read_level = kDefaultLevel;
    uint8_t write_level = kDefaultLevel;
    /// One command; several: the queue of a transaction, run by one EXEC.
    bool transaction = false;
    bool watches = false;  // the transaction's session must still watch what it was told to
    std::vector<std::vector<std::string_view>> commands;
    /// When sending, in place of `commands`.
    const PackedCommands* packed = nullptr;

    static constexpr uint8_t kDefaultLevel = 0xff;
};
struct ForwardReply {
    uint64_t op = 0;
    BusStatus status = BusStatus::done;
    std::string_view bytes;  // RESP
};
struct ExchangeMessage {  // and its reply
    uint64_t op = 0;
    BusStatus status = BusStatus::done;
    std::string_view bytes;
};
struct SessionEnd {
    uint64_t session = 0;
};
/// Version 2. Answered once everything that the receiver had logged when this came is synced.
struct SyncMessage {
    uint64_t op = 0;
    static constexpr uint16_t kSince = 2;
};
/// Tombstones that nobody needs any more: each goes where it still has this digest.
struct ReapMessage {
    uint64_t op = 0;
    std::vector<std::pair<std::string_view, uint64_t>> keys;
};

/// No context gets a floor (repl/cell_trim.h) while somebody doesn't speak version 3.
inline constexpr uint16_t kFloorsSince = 3;

/// Key and cell as they stand in `changes`, any number one after another. The cell's local flag is cleared.
void append_change(std::string& changes, std::string_view key, std::string_view cell);
struct Change {
    std::string_view key;
    std::string_view cell;
};
/// The next of `changes`, which is cut by it; nothing at the end or when it's malformed (then `changes` isn't
/// empty).
std::optional<Change> next_change(std::string_view& changes);

void append_message(std::string& frame, const MergeMessage&);
void append_message(std::string& frame, const AckMessage&);
void append_message(std::string& frame, const ReadMessage&);
void append_message(std::string& frame, const ReadReply&);
void append_message(std::string& frame, const ForwardMessage&);
void append_message(std::string& frame, const ForwardReply&);
void append_message(std::string& frame, const ExchangeMessage&, bool reply);
void append_message(std::string& frame, const SessionEnd&);
void append_message(std::string& frame, const ReapMessage&);
void append_message(std::string& frame, const SyncMessage&);

/// Walks a frame.
class BusFrameReader {
  public:
    explicit BusFrameReader(std::string_view frame);
    bool valid() const { return valid_; }
    const BusFrameHead& head() const { return head_; }
    struct Message {
        BusKind kind{};
        std::string_view body;
    };
    /// Nothing at the end; valid() tells whether it was the end.
    std::optional<Message> next();

  private:
    std::string_view rest_;
    BusFrameHead head_;
    bool valid_ = false;
};

std::optional<MergeMessage> decode_merge(std::string_view body);
std::optional<AckMessage> decode_ack(std::string_view body);
std::optional<ReadMessage> decode_read(std::string_view body);
std::optional<ReadReply> decode_read_reply(std::string_view body);
std::optional<ForwardMessage> decode_forward(std::string_view body);
/// Into a message that is used again, so that its lists needn't be made anew. False when malformed.
bool decode_forward_into(ForwardMessage& message, std::string_view body);
std::optional<ForwardReply> decode_forward_reply(std::string_view body);
std::optional<ExchangeMessage> decode_exchange(std::string_view body);
std::optional<SessionEnd> decode_session_end(std::string_view body);
std::optional<ReapMessage> decode_reap(std::string_view body);
std::optional<SyncMessage> decode_sync(std::string_view body);

/// The first key that a merge, a read or a forwarded command of the usual shape speaks of, for prefetching: a
/// guess, empty where there's none. Checks bounds, nothing else.
std::string_view probable_key(const BusFrameReader::Message& message);

}  // namespace torc

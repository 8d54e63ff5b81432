#include "node/bus_message.h"

#include "base/coding.h"
#include "base/consistency.h"
#include "repl/cell.h"

namespace torc {
namespace {

constexpr size_t kMessageHead = 5;
constexpr size_t kMostWords = 1u << 20;
constexpr size_t kLongest = 1u << 30;

/// Writes a message's head now and its length at the end.
class MessageScope {
  public:
    MessageScope(std::string& frame, BusKind kind) : frame_(frame), at_(frame.size()) {
        frame_.push_back(static_cast<char>(kind));
        frame_.append(4, '\0');
    }
    ~MessageScope() {
        store_le<uint32_t>(frame_.data() + at_ + 1,
                           static_cast<uint32_t>(frame_.size() - at_ - kMessageHead));
    }
    MessageScope(const MessageScope&) = delete;
    MessageScope& operator=(const MessageScope&) = delete;

  private:
    std::string& frame_;
    size_t at_;
};

void append_u8(std::string& to, uint8_t value) {
    to.push_back(static_cast<char>(value));
}
void append_string(std::string& to, std::string_view bytes) {
    append_le<uint32_t>(to, static_cast<uint32_t>(bytes.size()));
    to.append(bytes);
}
std::string_view read_string(WireReader& reader) {
    const uint32_t size = reader.u32();
    if (size > kLongest) reader.fail();
    return reader.ok() ? reader.raw(size) : std::string_view();
}

BusStatus read_status(WireReader& reader, BusStatus highest = BusStatus::later) {
    const uint8_t status = reader.u8();
    if (status > static_cast<uint8_t>(highest)) reader.fail();
    return static_cast<BusStatus>(status);
}

/// A level that isn't one would wait for nobody.
uint8_t read_level(WireReader& reader) {
    const uint8_t level = reader.u8();
    if (level != ForwardMessage::kDefaultLevel && level > static_cast<uint8_t>(Consistency::each_quorum))
        reader.fail();
    return level;
}

}  // namespace

void append_frame_head(std::string& frame, const BusFrameHead& head) {
    append_le<uint64_t>(frame, head.cluster_id);
    append_le<uint64_t>(frame, head.epoch);
}

void append_change(std::string& changes, std::string_view key, std::string_view cell) {
    changes.reserve(changes.size() + 8 + key.size() + cell.size());
    append_le<uint32_t>(changes, static_cast<uint32_t>(key.size()));
    append_le<uint32_t>(changes, static_cast<uint32_t>(cell.size()));
    changes.append(key);
    append_replicated(changes, cell);
}

std::optional<Change> next_change(std::string_view& changes) {
    if (changes.size() < 8) return std::nullopt;
    const uint64_t key = load_le<uint32_t>(changes.data()), cell = load_le<uint32_t>(changes.data() + 4);
    if (changes.size() - 8 < key + cell) return std::nullopt;
    const Change change{changes.substr(8, key), changes.substr(8 + key, cell)};
    changes.remove_prefix(8 + key + cell);
    return change;
}

void append_message(std::string& frame, const MergeMessage& message) {
    const MessageScope scope(frame, BusKind::merge);
    append_le<uint64_t>(frame, message.op);
    append_u8(frame, static_cast<uint8_t>(message.reason));
    frame.append(message.changes);
}

void append_message(std::string& frame, const AckMessage& message) {
    const MessageScope scope(frame, BusKind::ack);
    append_le<uint64_t>(frame, message.op);
    append_u8(frame, static_cast<uint8_t>(message.status));
    frame.append(message.refused);
}

void append_message(std::string& frame, const SyncMessage& message) {
    const MessageScope scope(frame, BusKind::sync);
    append_le<uint64_t>(frame, message.op);
}

void append_message(std::string& frame, const ReadMessage& message) {
    const MessageScope scope(frame, BusKind::read);
    append_le<uint64_t>(frame, message.op);
    append_u8(frame, message.cells ? 1 : 0);
    append_le<uint32_t>(frame, static_cast<uint32_t>(message.keys.size()));
    for (const std::string_view key : message.keys) append_string(frame, key);
}

void append_message(std::string& frame, const ReadReply& message) {
    const MessageScope scope(frame, BusKind::read_reply);
    append_le<uint64_t>(frame, message.op);
    append_u8(frame, static_cast<uint8_t>(message.status));
    append_le<uint64_t>(frame, message.digest);
    frame.append(message.changes);
}

void append_message(std::string& frame, const ForwardMessage& message) {
    const MessageScope scope(frame, BusKind::forward);
    append_le<uint64_t>(frame, message.op);
    append_le<uint64_t>(frame, message.session);
    append_le<int64_t>(frame, message.deadline_ms);
    append_le<uint64_t>(frame, message.stamp);
    append_u8(frame, static_cast<uint8_t>((message.resp3 ? 1 : 0) | (message.readonly ? 2 : 0) |
                                          (message.joined ? 4 : 0) | (message.transaction ? 8 : 0) |
                                          (message.watches ? 16 : 0) | (message.relayed ? 32 : 0)));
    append_u8(frame, message.read_level);
    append_u8(frame, message.write_level);
    if (message.packed != nullptr) {
        append_le<uint32_t>(frame, message.packed->count());
        frame.append(message.packed->bytes());
        return;
    }
    append_le<uint32_t>(frame, static_cast<uint32_t>(message.commands.size()));
    for (const auto& words : message.commands) {
        append_le<uint32_t>(frame, static_cast<uint32_t>(words.size()));
        for (const std::string_view word : words) append_string(frame, word);
    }
}

void append_message(std::string& frame, const ForwardReply& message) {
    const MessageScope scope(frame, BusKind::forward_reply);
    append_le<uint64_t>(frame, message.op);
    append_u8(frame, static_cast<uint8_t>(message.status));
    frame.append(message.bytes);
}

void append_message(std::string& frame, const ExchangeMessage& message, bool reply) {
    const MessageScope scope(frame, reply ? BusKind::exchange_reply : BusKind::exchange);
    append_le<uint64_t>(frame, message.op);
    append_u8(frame, static_cast<uint8_t>(message.status));
    frame.append(message.bytes);
}

void append_message(std::string& frame, const SessionEnd& message) {
    const MessageScope scope(frame, BusKind::session_end);
    append_le<uint64_t>(frame, message.session);
}

void append_message(std::string& frame, const ReapMessage& message) {
    const MessageScope scope(frame, BusKind::reap);
    append_le<uint64_t>(frame, message.op);
    append_le<uint32_t>(frame, static_cast<uint32_t>(message.keys.size()));
    for (const auto& [key, digest] : message.keys) {
        append_string(frame, key);
        append_le<uint64_t>(frame, digest);
    }
}

BusFrameReader::BusFrameReader(std::string_view frame) : rest_(frame) {
    if (frame.size() < BusFrameHead::kSize) return;
    head_ = {load_le<uint64_t>(frame.data()), load_le<uint64_t>(frame.data() + 8)};
    rest_.remove_prefix(BusFrameHead::kSize);
    valid_ = true;
}

std::optional<BusFrameReader::Message> BusFrameReader::next() {
    if (!valid_ || rest_.empty()) return std::nullopt;
    const auto kind = static_cast<uint8_t>(rest_.front());
    const bool whole = rest_.size() >= kMessageHead;
    const uint64_t length = whole ? load_le<uint32_t>(rest_.data() + 1) : 0;
    if (!whole || length > rest_.size() - kMessageHead || kind < 1 ||
        kind > static_cast<uint8_t>(BusKind::sync)) {
        valid_ = false;
        return std::nullopt;
    }
    const Message message{static_cast<BusKind>(kind), rest_.substr(kMessageHead, length)};
    rest_.remove_prefix(kMessageHead + length);
    return message;
}

std::optional<MergeMessage> decode_merge(std::string_view body) {
    WireReader reader(body);
    MergeMessage message;
    message.op = reader.u64();
    const uint8_t reason = reader.u8();
    if (!reader.ok() || reason > static_cast<uint8_t>(MergeReason::repair)) return std::nullopt;
    message.reason = static_cast<MergeReason>(reason);
    message.changes = reader.raw(reader.left());
    return message;
}

std::optional<AckMessage> decode_ack(std::string_view body) {
    WireReader reader(body);
    AckMessage message;
    message.op = reader.u64();
    message.status = read_status(reader, BusStatus::partly);
    if (!reader.ok() || (message.status == BusStatus::partly) != (reader.left() != 0)) return std::nullopt;
    message.refused = reader.raw(reader.left());
    return message;
}

std::optional<ReadMessage> decode_read(std::string_view body) {
    WireReader reader(body);
    ReadMessage message;
    message.op = reader.u64();
    message.cells = reader.u8() != 0;
    const uint32_t count = reader.u32();
    if (count > kMostWords) return std::nullopt;
    for (uint32_t i = 0; i < count && reader.ok(); ++i) message.keys.push_back(read_string(reader));
    if (!reader.finished()) return std::nullopt;
    return message;
}

std::optional<ReadReply> decode_read_reply(std::string_view body) {
    WireReader reader(body);
    ReadReply message;
    message.op = reader.u64();
    message.status = read_status(reader);
    message.digest = reader.u64();
    if (!reader.ok()) return std::nullopt;
    message.changes = reader.raw(reader.left());
    return message;
}

std::optional<ForwardMessage> decode_forward(std::string_view body) {
    ForwardMessage message;
    if (!decode_forward_into(message, body)) return std::nullopt;
    return message;
}

bool decode_forward_into(ForwardMessage& message, std::string_view body) {
    WireReader reader(body);
    message.op = reader.u64();
    message.session = reader.u64();
    message.deadline_ms = reader.i64();
    message.stamp = reader.u64();
    const uint8_t flags = reader.u8();
    message.resp3 = (flags & 1) != 0;
    message.readonly = (flags & 2) != 0;
    message.joined = (flags & 4) != 0;
    message.transaction = (flags & 8) != 0;
    message.watches = (flags & 16) != 0;
    message.relayed = (flags & 32) != 0;
    message.read_level = read_level(reader);
    message.write_level = read_level(reader);
    const uint32_t commands = reader.u32();
    // A transaction may be empty of commands: it asks only whether what it watches has changed.
    if (commands > kMostWords || (!message.transaction && commands != 1)) return false;
    size_t used = 0;
    for (uint32_t c = 0; c < commands && reader.ok(); ++c) {
        const uint32_t words = reader.u32();
        if (words == 0 || words > kMostWords) return false;
        if (used == message.commands.size()) message.commands.emplace_back();
        auto& command = message.commands[used++];
        command.clear();
        for (uint32_t i = 0; i < words && reader.ok(); ++i) command.push_back(read_string(reader));
    }
    message.commands.resize(used);
    return reader.finished();
}

std::optional<ForwardReply> decode_forward_reply(std::string_view body) {
    WireReader reader(body);
    ForwardReply message;
    message.op = reader.u64();
    message.status = read_status(reader);
    if (!reader.ok()) return std::nullopt;
    message.bytes = reader.raw(reader.left());
    return message;
}

std::optional<ExchangeMessage> decode_exchange(std::string_view body) {
    WireReader reader(body);
    ExchangeMessage message;
    message.op = reader.u64();
    message.status = read_status(reader);
    if (!reader.ok()) return std::nullopt;
    message.bytes = reader.raw(reader.left());
    return message;
}

std::optional<SessionEnd> decode_session_end(std::string_view body) {
    WireReader reader(body);
    SessionEnd message;
    message.session = reader.u64();
    if (!reader.finished()) return std::nullopt;
    return message;
}

std::optional<SyncMessage> decode_sync(std::string_view body) {
    WireReader reader(body);
    SyncMessage message;
    message.op = reader.u64();
    if (!reader.finished()) return std::nullopt;
    return message;
}

std::optional<ReapMessage> decode_reap(std::string_view body) {
    WireReader reader(body);
    ReapMessage message;
    message.op = reader.u64();
    const uint32_t count = reader.u32();
    if (count == 0 || count > kMostWords) return std::nullopt;
    for (uint32_t i = 0; i < count && reader.ok(); ++i) {
        const std::string_view key = read_string(reader);
        message.keys.emplace_back(key, reader.u64());
    }
    if (!reader.finished()) return std::nullopt;
    return message;
}

std::string_view probable_key(const BusFrameReader::Message& message) {
    constexpr size_t kForwardHead = 35;
    // Where the length of what stands before the key is, and how much stands between.
    const std::string_view body = message.body;
    const auto word_at = [body](size_t at) -> std::string_view {
        if (at > body.size() || body.size() - at < 4) return {};
        const uint32_t size = load_le<uint32_t>(body.data() + at);
        return size <= body.size() - at - 4 ? body.substr(at + 4, size) : std::string_view();
    };
    switch (message.kind) {
        case BusKind::merge: {
            std::string_view changes = body.size() > 9 ? body.substr(9) : std::string_view();
            const auto first = next_change(changes);
            return first ? first->key : std::string_view();
        }
        case BusKind::read:
            return word_at(13);
        case BusKind::forward:
            return word_at(kForwardHead + 8 + 4 + word_at(kForwardHead + 8).size());
        default:
            return {};
    }
}

}  // namespace torc

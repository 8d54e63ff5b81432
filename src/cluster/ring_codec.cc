// A ring as bytes. Owners are written as places in the list of members, so a token takes three bytes.
//
//   u8 format, u64 cluster_id, u64 epoch, u8 replication_factor
//   u16 members: { u64 id, u16 vnodes, u8 length, datacenter, u8 length, rack }, by ascending id
//   tokens: u32 count, { u16 shard, u8 member }, by (shard, owner)
//   u8 kind of move, 0 for none: { u64 subject, u64 replaced, tokens }
//   u32 barred: { u64 id }, ascending
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "cluster/ring.h"

namespace torc {
namespace {

constexpr uint8_t kFormat = 1;
static_assert(kMaxRingMembers <= 256, "a member's place is one byte");
static_assert(kMaxPlaceName <= 255 && kMaxVnodes <= 0xffff && kMaxReplicationFactor <= 255);

void append_tokens(std::string& to, const RingState& ring, const std::vector<Token>& tokens) {
    append_le(to, static_cast<uint32_t>(tokens.size()));
    for (const Token& token : tokens) {
        const RingMember* owner = ring.member(token.owner);
        TORC_CHECK(owner != nullptr);
        append_le(to, token.shard);
        append_le(to, static_cast<uint8_t>(owner - ring.members.data()));
    }
}

void append_text(std::string& to, std::string_view text) {
    TORC_CHECK(text.size() <= kMaxPlaceName);
    append_le(to, static_cast<uint8_t>(text.size()));
    to.append(text);
}

/// Takes values off the front; once there are too few bytes it stays `broken` and yields zeroes.
class Reader {
  public:
    explicit Reader(std::string_view bytes) : left_(bytes) {}

    template <class T>
    T take() {
        const std::string_view bytes = take_bytes(sizeof(T));
        return broken_ ? T{} : load_le<T>(bytes.data());
    }
    std::string_view take_bytes(size_t count) {
        if (count > left_.size()) broken_ = true;
        if (broken_) return {};
        const std::string_view bytes = left_.substr(0, count);
        left_.remove_prefix(count);
        return bytes;
    }
    /// The number of things to come, which have at least `size` bytes each.
    size_t take_count(size_t count, size_t size) {
        if (count > left_.size() / size) broken_ = true;
        return broken_ ? 0 : count;
    }
    bool broken() const { return broken_; }
    bool at_end() const { return left_.empty(); }

  private:
    std::string_view left_;
    bool broken_ = false;
};

bool take_tokens(Reader& in, const RingState& ring, std::vector<Token>& tokens) {
    const size_t count = in.take_count(in.take<uint32_t>(), 3);
    tokens.reserve(count);
    for (size_t i = 0; i < count; ++i) {
        const auto shard = in.take<uint16_t>();
        const auto place = in.take<uint8_t>();
        if (shard >= kShards || place >= ring.members.size()) return false;
        tokens.push_back({shard, ring.members[place].id});
        if (i > 0 && !token_before(tokens[i - 1], tokens[i])) return false;
    }
    return !in.broken();
}

bool take_members(Reader& in, std::vector<RingMember>& members) {
    const size_t count = in.take_count(in.take<uint16_t>(), 12);
    if (count > kMaxRingMembers) return false;
    NodeId last = 0;
    for (size_t i = 0; i < count; ++i) {
        RingMember& member = members.emplace_back();
        member.id = in.take<uint64_t>();
        member.vnodes = in.take<uint16_t>();
        member.datacenter = in.take_bytes(in.take<uint8_t>());
        member.rack = in.take_bytes(in.take<uint8_t>());
        if (in.broken() || member.id <= last || member.vnodes == 0 || member.vnodes > kMaxVnodes)
            return false;
        if (member.datacenter.size() > kMaxPlaceName || member.rack.size() > kMaxPlaceName) return false;
        last = member.id;
    }
    return !in.broken();
}

bool owns_any(const std::vector<Token>& tokens, NodeId id) {
    return std::ranges::find(tokens, id, &Token::owner) != tokens.end();
}

/// Everybody but `without` owns tokens, `without` owns none, and no datacenter has two on one shard.
bool tokens_fit(const RingState& ring, const std::vector<Token>& tokens, NodeId without) {
    for (const RingMember& member : ring.members)
        if (owns_any(tokens, member.id) == (member.id == without)) return false;
    for (size_t i = 0; i < tokens.size(); ++i)
        for (size_t j = i; j-- > 0 && tokens[j].shard == tokens[i].shard;)
            if (ring.member(tokens[j].owner)->datacenter == ring.member(tokens[i].owner)->datacenter)
                return false;
    return true;
}

bool move_fits(const RingState& ring) {
    const RingMove& move = *ring.move;
    if (ring.member(move.subject) == nullptr || ring.members.size() < 2) return false;
    switch (move.kind) {
        case RingMove::Kind::join:
            return move.replaced == 0 && tokens_fit(ring, ring.tokens, move.subject) &&
                   tokens_fit(ring, move.tokens, 0);
        case RingMove::Kind::leave:
            return move.replaced == 0 && tokens_fit(ring, ring.tokens, 0) &&
                   tokens_fit(ring, move.tokens, move.subject);
        case RingMove::Kind::replace:
            return move.replaced != move.subject && ring.member(move.replaced) != nullptr &&
                   tokens_fit(ring, ring.tokens, move.subject) &&
                   tokens_fit(ring, move.tokens, move.replaced);
    }
    return false;
}

bool take_ring(Reader& in, RingState& ring) {
    if (in.take<uint8_t>() != kFormat) return false;
    ring.cluster_id = in.take<uint64_t>();
    ring.epoch = in.take<uint64_t>();
    ring.replication_factor = in.take<uint8_t>();
    if (ring.replication_factor == 0 || ring.replication_factor > kMaxReplicationFactor) return false;
    if (!take_members(in, ring.members) || !take_tokens(in, ring, ring.tokens)) return false;
    if (const auto kind = in.take<uint8_t>(); kind != 0) {
        RingMove& move = ring.move.emplace();
        move.kind = static_cast<RingMove::Kind>(kind);
        move.subject = in.take<uint64_t>();
        move.replaced = in.take<uint64_t>();
        if (!take_tokens(in, ring, move.tokens)) return false;
    }
    const size_t barred = in.take_count(in.take<uint32_t>(), sizeof(NodeId));
    for (size_t i = 0; i < barred; ++i) {
        const auto id = in.take<uint64_t>();
        if (id <= (ring.barred.empty() ? 0 : ring.barred.back()) || ring.member(id) != nullptr) return false;
        ring.barred.push_back(id);
    }
    if (in.broken() || !in.at_end()) return false;
    // No ring yet, or one with a name, an epoch and somebody in it.
    const bool none = ring.members.empty();
    if ((ring.cluster_id == 0) != none || (ring.epoch == 0) != none || (none && !ring.barred.empty()))
        return false;
    return ring.move ? move_fits(ring) : tokens_fit(ring, ring.tokens, 0);
}

}  // namespace

std::string encode_ring(const RingState& ring) {
    TORC_CHECK(ring.members.size() <= kMaxRingMembers);
    std::string bytes;
    append_le(bytes, kFormat);
    append_le(bytes, ring.cluster_id);
    append_le(bytes, ring.epoch);
    append_le(bytes, static_cast<uint8_t>(ring.replication_factor));
    append_le(bytes, static_cast<uint16_t>(ring.members.size()));
    for (const RingMember& member : ring.members) {
        append_le(bytes, member.id);
        append_le(bytes, static_cast<uint16_t>(member.vnodes));
        append_text(bytes, member.datacenter);
        append_text(bytes, member.rack);
    }
    append_tokens(bytes, ring, ring.tokens);
    append_le(bytes, static_cast<uint8_t>(ring.move ? ring.move->kind : RingMove::Kind{}));
    if (ring.move) {
        append_le(bytes, ring.move->subject);
        append_le(bytes, ring.move->replaced);
        append_tokens(bytes, ring, ring.move->tokens);
    }
    append_le(bytes, static_cast<uint32_t>(ring.barred.size()));
    for (const NodeId id : ring.barred) append_le(bytes, id);
    return bytes;
}

Result<RingState> decode_ring(std::string_view bytes) {
    Reader in(bytes);
    RingState ring;
    if (!take_ring(in, ring)) return fail(ErrorKind::corrupt, "not a ring, or a damaged one");
    return ring;
}

}  // namespace torc

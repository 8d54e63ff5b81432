#include "repl/exchange_message.h"

#include <algorithm>
#include <bit>

#include "cluster/slots.h"
#include "cluster/wire.h"

namespace torc {
namespace {

WireWriter begin_request(ExchangeType type, ShardId shard) {
    WireWriter out;
    out.u8(static_cast<uint8_t>(type));
    out.u16(shard);
    return out;
}

WireWriter begin_reply(ExchangeType type) {
    WireWriter out;
    out.u8(static_cast<uint8_t>(type));
    return out;
}

WireReader open_reply(ExchangeType type, std::string_view bytes) {
    WireReader in(bytes);
    if (in.u8() != static_cast<uint8_t>(type)) in.fail();
    return in;
}

/// A count of things that take at least a byte each: so no count makes us reserve more than was sent.
size_t read_count(WireReader& in, size_t most = SIZE_MAX) {
    const size_t count = in.varint(std::min(most, in.left()));
    if (count == 0) in.fail();
    return in.ok() ? count : 0;
}

bool read_flag(WireReader& in) {
    const uint8_t flag = in.u8();
    if (flag > 1) in.fail();
    return flag == 1;
}

KeyRange read_range(WireReader& in, ShardId shard) {
    KeyRange range;
    const uint8_t place = in.u8();
    range.slot = static_cast<SlotId>(shard * kSlotsPerShard + place / kLeavesPerSlot);
    range.leaf = place % kLeavesPerSlot;
    range.depth = in.u8();
    range.prefix = in.varint();
    if (range.depth > kDeepestRange || range.prefix >> (kRangeBits * range.depth) != 0) in.fail();
    return range;
}

RangesRequest read_ranges_request(WireReader& in, ShardId shard) {
    RangesRequest request{.shard = shard, .ranges = {}, .after = {}};
    const size_t count = read_count(in, kMaxRangesAsked);
    request.ranges.reserve(count);
    for (size_t i = 0; i < count && in.ok(); ++i) request.ranges.push_back(read_range(in, shard));
    request.after = in.string(kMaxExchangeItem);
    // Only the deepest ranges have pages: all others can be narrowed down.
    if (in.ok() && !request.after.empty()) {
        const KeyRange& first = request.ranges.front();
        if (first.depth != kDeepestRange || !first.holds(request.after)) in.fail();
    }
    return request;
}

std::string_view read_key(WireReader& in, ShardId shard) {
    const std::string_view key = in.string(kMaxExchangeItem);
    if (in.ok() && shard_of(key_slot(key)) != shard) in.fail();
    return key;
}

PushRequest read_push_request(WireReader& in, ShardId shard) {
    PushRequest request{.shard = shard, .cells = {}};
    const size_t count = read_count(in, Exchange::kPageKeys);
    request.cells.reserve(count);
    for (size_t i = 0; i < count && in.ok(); ++i) {
        const std::string_view key = read_key(in, shard);
        request.cells.push_back({key, in.string(kMaxExchangeItem)});
    }
    return request;
}

PullRequest read_pull_request(WireReader& in, ShardId shard) {
    PullRequest request{.shard = shard, .keys = {}};
    const size_t count = read_count(in, Exchange::kPageKeys);
    request.keys.reserve(count);
    for (size_t i = 0; i < count && in.ok(); ++i) request.keys.push_back(read_key(in, shard));
    return request;
}

ExchangeRequest read_request(WireReader& in, ExchangeType type, ShardId shard) {
    switch (type) {
        case ExchangeType::roots:
            return RootsRequest{shard, in.u64()};
        case ExchangeType::leaves:
            return LeavesRequest{shard, in.u16()};
        case ExchangeType::ranges:
            return read_ranges_request(in, shard);
        case ExchangeType::push:
            return read_push_request(in, shard);
        case ExchangeType::pull:
            return read_pull_request(in, shard);
    }
    in.fail();
    return RootsRequest{};
}

/// The keys of one range: each belongs there, in a listing's order, behind `after`.
void read_listed_keys(WireReader& in, const KeyRange& range, std::string_view after, RangeContent& content) {
    content.more = read_flag(in);
    const size_t count = in.varint(std::min(Exchange::kPageKeys, in.left()));
    content.keys.reserve(in.ok() ? count : 0);
    std::string_view before = after;
    bool first = after.empty();
    for (size_t i = 0; i < count && in.ok(); ++i) {
        const std::string_view key = in.string(kMaxExchangeItem);
        content.keys.push_back({key, in.u64()});
        if (!in.ok()) return;
        const bool in_order =
            first || listed_before(merkle_key_hash(before), before, merkle_key_hash(key), key);
        if (!in_order || !range.holds(key)) return in.fail();
        before = key;
        first = false;
    }
    if (content.more && (range.depth != kDeepestRange || content.keys.empty() || before.empty())) in.fail();
}

void read_children(WireReader& in, const KeyRange& range, RangeContent& content) {
    if (range.depth == kDeepestRange) return in.fail();
    content.children.assign(kRangeFanOut, 0);
    const uint64_t present = in.u64();
    for (unsigned i = 0; i < kRangeFanOut; ++i) {
        if ((present >> i & 1) != 0) content.children[i] = in.u64();
    }
}

}  // namespace

std::string encode(const RootsRequest& request) {
    WireWriter out = begin_request(ExchangeType::roots, request.shard);
    out.u64(request.root);
    return out.take();
}

std::string encode(const LeavesRequest& request) {
    WireWriter out = begin_request(ExchangeType::leaves, request.shard);
    out.u16(request.slots);
    return out.take();
}

std::string encode(const RangesRequest& request) {
    WireWriter out = begin_request(ExchangeType::ranges, request.shard);
    out.varint(request.ranges.size());
    for (const KeyRange& range : request.ranges) {
        out.u8(static_cast<uint8_t>(range.slot % kSlotsPerShard * kLeavesPerSlot + range.leaf));
        out.u8(range.depth);
        out.varint(range.prefix);
    }
    out.string(request.after);
    return out.take();
}

std::string encode(const PushRequest& request) {
    WireWriter out = begin_request(ExchangeType::push, request.shard);
    out.varint(request.cells.size());
    for (const KeyAndCell& item : request.cells) {
        out.string(item.key);
        out.string(item.cell);
    }
    return out.take();
}

std::string encode(const PullRequest& request) {
    WireWriter out = begin_request(ExchangeType::pull, request.shard);
    out.varint(request.keys.size());
    for (const std::string_view key : request.keys) out.string(key);
    return out.take();
}

std::optional<ExchangeRequest> parse_exchange_request(std::string_view bytes) {
    WireReader in(bytes);
    const auto type = static_cast<ExchangeType>(in.u8());
    const ShardId shard = in.u16();
    if (!in.ok() || shard >= kShards) return std::nullopt;
    ExchangeRequest request = read_request(in, type, shard);
    if (!in.finished()) return std::nullopt;
    return request;
}

std::string encode(const RootsReply& reply) {
    WireWriter out = begin_reply(ExchangeType::roots);
    out.u8(reply.equal ? 1 : 0);
    if (!reply.equal) {
        for (const uint64_t hash : reply.slots) out.u64(hash);
    }
    return out.take();
}

std::string encode(const LeavesReply& reply) {
    WireWriter out = begin_reply(ExchangeType::leaves);
    for (const auto& leaves : reply.slots) {
        for (const uint64_t hash : leaves) out.u64(hash);
    }
    return out.take();
}

std::string encode(const RangesReply& reply) {
    WireWriter out = begin_reply(ExchangeType::ranges);
    out.varint(reply.ranges.size());
    for (const RangeContent& range : reply.ranges) {
        if (range.children.empty()) {
            out.u8(0);
            out.u8(range.more ? 1 : 0);
            out.varint(range.keys.size());
            for (const ListedKey& key : range.keys) {
                out.string(key.key);
                out.u64(key.digest);
            }
            continue;
        }
        out.u8(1);
        uint64_t present = 0;
        for (unsigned i = 0; i < kRangeFanOut; ++i) present |= uint64_t{range.children[i] != 0} << i;
        out.u64(present);
        for (const uint64_t hash : range.children) {
            if (hash != 0) out.u64(hash);
        }
    }
    return out.take();
}

std::string encode(const PushReply& reply) {
    WireWriter out = begin_reply(ExchangeType::push);
    out.varint(reply.merged);
    return out.take();
}

std::string encode(const PullReply& reply) {
    WireWriter out = begin_reply(ExchangeType::pull);
    out.varint(reply.cells.size());
    for (const PulledCell& cell : reply.cells) {
        out.u8(static_cast<uint8_t>(cell.kind));
        if (cell.kind == PulledCell::Kind::found) out.string(cell.cell);
    }
    return out.take();
}

std::optional<RootsReply> parse_reply(const RootsRequest&, std::string_view bytes) {
    WireReader in = open_reply(ExchangeType::roots, bytes);
    RootsReply reply;
    reply.equal = read_flag(in);
    if (!reply.equal) {
        for (uint64_t& hash : reply.slots) hash = in.u64();
    }
    if (!in.finished()) return std::nullopt;
    return reply;
}

std::optional<LeavesReply> parse_reply(const LeavesRequest& request, std::string_view bytes) {
    WireReader in = open_reply(ExchangeType::leaves, bytes);
    LeavesReply reply;
    reply.slots.resize(static_cast<size_t>(std::popcount(request.slots)));
    for (auto& leaves : reply.slots) {
        for (uint64_t& hash : leaves) hash = in.u64();
    }
    if (!in.finished()) return std::nullopt;
    return reply;
}

std::optional<RangesReply> parse_reply(const RangesRequest& request, std::string_view bytes) {
    WireReader in = open_reply(ExchangeType::ranges, bytes);
    RangesReply reply;
    const size_t count = read_count(in, request.ranges.size());
    reply.ranges.resize(count);
    for (size_t i = 0; i < count && in.ok(); ++i) {
        const bool narrowed = read_flag(in);
        if (narrowed) {
            read_children(in, request.ranges[i], reply.ranges[i]);
        } else {
            const std::string_view after = i == 0 ? request.after : std::string_view();
            read_listed_keys(in, request.ranges[i], after, reply.ranges[i]);
            // A page that isn't the last of its range stands alone.
            if (reply.ranges[i].more && count != 1) in.fail();
        }
    }
    if (!in.finished()) return std::nullopt;
    return reply;
}

std::optional<PushReply> parse_push_reply(size_t sent, std::string_view bytes) {
    WireReader in = open_reply(ExchangeType::push, bytes);
    PushReply reply;
    reply.merged = in.varint(sent);
    if (!in.finished() || reply.merged == 0) return std::nullopt;
    return reply;
}

std::optional<PullReply> parse_pull_reply(size_t sent, std::string_view bytes) {
    WireReader in = open_reply(ExchangeType::pull, bytes);
    PullReply reply;
    const size_t count = read_count(in, sent);
    reply.cells.resize(count);
    for (PulledCell& cell : reply.cells) {
        const uint8_t kind = in.u8();
        if (kind > static_cast<uint8_t>(PulledCell::Kind::too_large)) in.fail();
        cell.kind = static_cast<PulledCell::Kind>(kind);
        if (cell.kind == PulledCell::Kind::found) cell.cell = in.string(kMaxExchangeItem);
        if (!in.ok()) return std::nullopt;
    }
    if (!in.finished()) return std::nullopt;
    return reply;
}

}  // namespace torc

// The messages of an exchange as values, and their bytes (cluster/wire.h). A request is u8 type, u16 shard,
// then:
//
//   1 roots   u64 root                        reply: u8 equal; when not: 16 x u64, the hash of each slot
//   2 leaves  u16 slots, a bit for each       reply: 16 x u64 for each slot asked, lowest first
//   3 ranges  varint n, n x {u8 slot in the   reply: varint m, 1 .. n: the first m ranges, each
//             shard x 16 + leaf, u8 depth,      u8 0: u8 more, varint k, k x {string key, u64 digest}
//             varint prefix}, string after      u8 1: u64 which of 64 children aren't empty, u64 for each
//   4 push    varint n, n x {string key,      reply: varint m, 1 .. n: the first m are merged
//             string cell}
//   5 pull    varint n, n x string key        reply: varint m, 1 .. n: of the first m keys, each
//                                             u8 0: absent, 1: string cell, 2: too large for a message
//
// `after`: where the list of the first range goes on, when its last page said `more` (such a page is a reply
// of its own); else empty. A reply begins with its request's type. What is parsed refers into the bytes it
// came from.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cluster/bus_frame.h"
#include "repl/key_range.h"

namespace torc {

inline constexpr size_t kMaxRangesAsked = 256;
/// Of a key, and of a key with its cell. What is larger isn't exchanged.
inline constexpr size_t kMaxExchangeItem = kMaxBusFrame - (1u << 20);

enum class ExchangeType : uint8_t { roots = 1, leaves = 2, ranges = 3, push = 4, pull = 5 };

struct RootsRequest {
    ShardId shard = 0;
    uint64_t root = 0;
};
struct LeavesRequest {
    ShardId shard = 0;
    uint16_t slots = 0;
};
struct RangesRequest {
    ShardId shard = 0;
    std::vector<KeyRange> ranges;
    std::string_view after;
};
struct KeyAndCell {
    std::string_view key, cell;
};
struct PushRequest {
    ShardId shard = 0;
    std::vector<KeyAndCell> cells;
};
struct PullRequest {
    ShardId shard = 0;
    std::vector<std::string_view> keys;
};
using ExchangeRequest = std::variant<RootsRequest, LeavesRequest, RangesRequest, PushRequest, PullRequest>;

std::string encode(const RootsRequest& request);
std::string encode(const LeavesRequest& request);
std::string encode(const RangesRequest& request);
std::string encode(const PushRequest& request);
std::string encode(const PullRequest& request);
/// Nothing when malformed, or about keys and slots that aren't the shard's.
std::optional<ExchangeRequest> parse_exchange_request(std::string_view bytes);

struct RootsReply {
    bool equal = false;
    std::array<uint64_t, kSlotsPerShard> slots{};
};
struct LeavesReply {
    std::vector<std::array<uint64_t, kLeavesPerSlot>> slots;
};
struct ListedKey {
    std::string_view key;
    uint64_t digest = 0;
};
struct RangeContent {
    std::vector<ListedKey> keys;
    bool more = false;
    std::vector<uint64_t> children;  // kRangeFanOut hashes instead of keys, or empty
};
struct RangesReply {
    std::vector<RangeContent> ranges;
};
struct PushReply {
    size_t merged = 0;
};
struct PulledCell {
    enum class Kind : uint8_t { absent = 0, found = 1, too_large = 2 };
    Kind kind = Kind::absent;
    std::string_view cell;
};
struct PullReply {
    std::vector<PulledCell> cells;
};

std::string encode(const RootsReply& reply);
std::string encode(const LeavesReply& reply);
std::string encode(const RangesReply& reply);
std::string encode(const PushReply& reply);
std::string encode(const PullReply& reply);
/// Nothing when the bytes are no answer to that request.
std::optional<RootsReply> parse_reply(const RootsRequest& request, std::string_view bytes);
std::optional<LeavesReply> parse_reply(const LeavesRequest& request, std::string_view bytes);
std::optional<RangesReply> parse_reply(const RangesRequest& request, std::string_view bytes);
/// `sent`: how many items the request had.
std::optional<PushReply> parse_push_reply(size_t sent, std::string_view bytes);
std::optional<PullReply> parse_pull_reply(size_t sent, std::string_view bytes);

}  // namespace torc

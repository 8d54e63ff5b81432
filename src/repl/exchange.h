// Anti-entropy between two replicas of a shard: finds the keys in which they differ at a cost in proportion
// to the difference, and moves their cells both ways. The initiator drives; the responder answers each
// request from its own copy and keeps no state.
//
//   initiator                                   responder
//   roots {root}                          ->    equal, or its 16 slot hashes
//   leaves {slots that differ}            ->    its 16 leaf hashes of each
//   ranges {leaves that differ}           ->    (key, digest) of every key there; of a leaf with many keys
//                                               64 hashes, and what differs among them is asked again
//   pull {keys}                           ->    its cells
//   push {cells}                          ->    merges them
//
// What differs on both sides is pulled and joined first, and pushed only when the join isn't what the peer
// sent. The bytes: exchange_message.h.
//
// A core: requests out, replies in; the caller carries them (any order between shards, one request at a time
// within one exchange) and may abandon an exchange at any moment. Bounded: a page has at most kPageKeys keys
// and kPageBytes bytes, or one item that is larger. One exchange is one pass: what changes meanwhile may be
// left for the next. A cell that no bus frame has room for stays where it is and is counted.
//
// Thread rule: an Exchange belongs to one thread; ExchangeCopy is called on that thread and takes shard locks
// itself.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "repl/merkle.h"

namespace torc {

struct KeyDigest {
    std::string key;
    uint64_t digest = 0;
    friend bool operator==(const KeyDigest&, const KeyDigest&) = default;
};

/// This node's copy, as an exchange needs it. Implemented by node/; tests use a map.
class ExchangeCopy {
  public:
    virtual ~ExchangeCopy() = default;
    virtual const MerkleForest& forest() const = 0;
    /// Keys of one slot that fall into `leaf`, with their digests. False: can't be had now (locked, or on its
    /// way from the disk); ask again.
    virtual bool list(SlotId slot, unsigned leaf, std::vector<KeyDigest>& out) = 0;
    enum class Read : uint8_t { found, absent, later };
    /// The key's cell as it is sent to others.
    virtual Read read(std::string_view key, std::string& cell) = 0;
    /// Joins a received cell, or drops it when it's malformed. False: can't be done now; try again.
    virtual bool merge(std::string_view key, std::string_view cell) = 0;
};

struct ExchangeStats {
    uint64_t requests = 0, bytes_out = 0, bytes_in = 0;
    uint64_t keys_compared = 0, keys_differing = 0, pushed = 0, pulled = 0;
    uint64_t too_large = 0;  // of the differing: left as they are
};

/// One shard, one peer.
class Exchange {
  public:
    static constexpr size_t kPageKeys = 4096;
    static constexpr size_t kPageBytes = 256 * 1024;

    Exchange(ExchangeCopy& copy, ShardId shard);
    ~Exchange();

    enum class State : uint8_t { request, waiting, later, done, failed };
    /// `request`: next_request() has the bytes to send. `waiting`: a reply is due. `later`: call step() again
    /// in a moment. `failed`: the peer's reply made no sense.
    State step();
    std::string next_request();
    void on_reply(std::string_view reply);
    const ExchangeStats& stats() const;
    /// True when both were equal at the first look.
    bool was_equal() const;
    ShardId shard() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// The responder's side: nothing when the request makes no sense; an empty string when it can't be answered
/// at the moment (the caller tries again, or drops it).
std::optional<std::string> answer_exchange(ExchangeCopy& copy, std::string_view request);

}  // namespace torc

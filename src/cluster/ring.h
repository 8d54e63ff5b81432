// The ring: which nodes hold which shard. A value that changes one step at a time (ring_agreement.h), and a
// table computed from it for looking up.
//
// The 1024 shards lie on a circle; every node owns some tokens, each at the start of a shard. The preference
// list of a shard is what a clockwise walk from it meets: the first N distinct nodes of each datacenter (N:
// replication_factor, at most the nodes there), on distinct racks while there are racks left
// (consistent hashing with virtual nodes: Karger et al. 1997, DeCandia et al. 2007). Tokens come from
// token_allocator.h. Datacenters share nothing: each has a circle and tokens of its own, so a node that comes
// or goes moves nothing elsewhere. Lists of several name the first of each, then the second of each.
//
// While a node joins, leaves or is replaced, the ring carries both the present tokens and the ones to come
// (`move`): writes need W in both preference lists, reads go by the present one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "cluster/node_id.h"
#include "cluster/shard_set.h"

namespace torc {

inline constexpr size_t kMaxRingMembers = 256;
inline constexpr uint32_t kMaxVnodes = 256;
inline constexpr uint32_t kMaxReplicationFactor = 7;
inline constexpr size_t kMaxPlaceName = 64;  // bytes of a datacenter's or a rack's name

struct RingMember {
    NodeId id = 0;
    std::string datacenter;
    std::string rack;
    uint32_t vnodes = 0;  // its weight: tokens are handed out in proportion to it, within a datacenter
    friend bool operator==(const RingMember&, const RingMember&) = default;
};

struct Token {
    ShardId shard = 0;  // the token lies at the shard's start; a datacenter has at most one token on a shard
    NodeId owner = 0;
    friend bool operator==(const Token&, const Token&) = default;
};

/// The order of tokens everywhere: by shard, then by owner.
inline bool token_before(const Token& a, const Token& b) {
    return a.shard != b.shard ? a.shard < b.shard : a.owner < b.owner;
}

struct RingMove {
    enum class Kind : uint8_t { join = 1, leave = 2, replace = 3 };
    Kind kind = Kind::join;
    NodeId subject = 0;         // who joins or leaves
    NodeId replaced = 0;        // replace: whose tokens `subject` takes over
    std::vector<Token> tokens;  // once finished; in the order of token_before()
    friend bool operator==(const RingMove&, const RingMove&) = default;
};

/// The agreed state. Epoch 0 with cluster_id 0: this node belongs to no ring yet.
struct RingState {
    uint64_t cluster_id = 0;
    uint64_t epoch = 0;
    uint32_t replication_factor = 3;  // per datacenter
    std::vector<RingMember> members;  // sorted by id; of a join: the joiner too, from its begin on
    std::vector<Token> tokens;        // in the order of token_before(); present owners
    std::optional<RingMove> move;
    std::vector<NodeId> barred;  // sorted; removed by force: may never come back under this id

    const RingMember* member(NodeId id) const;
    friend bool operator==(const RingState&, const RingState&) = default;
};

std::string encode_ring(const RingState& ring);
/// Checks every bound (members, tokens, shards in range and in order, owners that are members).
Result<RingState> decode_ring(std::string_view bytes);

// ---- single steps; each returns the ring of the next epoch, or why it can't be

RingState found_ring(uint64_t cluster_id, uint32_t replication_factor, const RingMember& founder);
Result<RingState> begin_join(const RingState&, const RingMember& joiner);
Result<RingState> begin_leave(const RingState&, NodeId leaver);
Result<RingState> begin_replace(const RingState&, const RingMember& replacement, NodeId dead);
/// The move becomes the present; a leaver or a replaced node is no member any more.
Result<RingState> finish_move(const RingState&);
/// Back to before the move; a joiner or replacement is no member any more.
Result<RingState> abort_move(const RingState&);
/// An operator's word: `id` is taken out at once and barred, and a move that it's part of is aborted.
Result<RingState> force_remove(const RingState&, NodeId id);

/// Preference lists of all shards, computed once. Immutable; shared by all threads.
class RingTable {
  public:
    explicit RingTable(RingState state);

    const RingState& state() const { return state_; }
    uint64_t epoch() const { return state_.epoch; }
    /// Present replicas in preference order; empty while there is no ring.
    std::span<const NodeId> owners(ShardId shard) const { return slice(owners_[shard]); }
    /// Replicas once the move is finished; the same as owners() when there's no move.
    std::span<const NodeId> next_owners(ShardId shard) const { return slice(next_owners_[shard]); }
    /// Owners first, then all other members as the clockwise walk meets them: where fallbacks are found.
    std::span<const NodeId> walk(ShardId shard) const { return slice(walks_[shard]); }
    /// Who decides for the shard in health, as that datacenter sees it: its own first owner, else the first
    /// of all; 0: nobody.
    NodeId first_owner(ShardId shard, std::string_view datacenter) const;
    bool owns(NodeId id, ShardId shard) const;      // now
    bool will_own(NodeId id, ShardId shard) const;  // once the move is finished
    /// All that `id` owns now, and once the move is finished; of who is no member none.
    const ShardSet& owned(NodeId id) const { return share(id).owned; }
    const ShardSet& next_owned(NodeId id) const { return share(id).next_owned; }
    /// Shards that `id` will own and doesn't yet.
    std::vector<ShardId> gained(NodeId id) const;
    bool is_member(NodeId id) const { return state_.member(id) != nullptr; }

  private:
    struct Slice {
        uint32_t first = 0;
        uint32_t count = 0;
    };
    struct Share {  // of a member
        NodeId id = 0;
        ShardSet owned, next_owned;
    };
    std::span<const NodeId> slice(Slice s) const { return {nodes_.data() + s.first, s.count}; }
    const Share& share(NodeId id) const;

    RingState state_;
    std::vector<NodeId> nodes_;
    std::vector<Share> shares_;  // by id, as the members are
    std::array<Slice, kShards> owners_;
    std::array<Slice, kShards> next_owners_;
    std::array<Slice, kShards> walks_;
};

}  // namespace torc

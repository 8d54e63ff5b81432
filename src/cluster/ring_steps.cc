// The steps from one ring to the next. Each makes a whole new state; what it refuses, it refuses with a
// sentence for the operator.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cluster/ring.h"
#include "cluster/token_allocator.h"

namespace torc {
namespace {

bool holds_tokens(std::span<const Token> tokens, NodeId id) {
    return std::ranges::find(tokens, id, &Token::owner) != tokens.end();
}

void add_member(RingState& ring, const RingMember& member) {
    const auto place = std::ranges::lower_bound(ring.members, member.id, {}, &RingMember::id);
    ring.members.insert(place, member);
}

void drop_member(RingState& ring, NodeId id) {
    std::erase_if(ring.members, [id](const RingMember& member) { return member.id == id; });
}

std::unexpected<Error> refuse(std::string why) {
    return fail(ErrorKind::refused, std::move(why));
}

Result<void> check_newcomer(const RingState& ring, const RingMember& newcomer) {
    const std::string name = node_name(newcomer.id);
    if (newcomer.id == 0 || newcomer.vnodes == 0 || newcomer.vnodes > kMaxVnodes ||
        newcomer.datacenter.size() > kMaxPlaceName || newcomer.rack.size() > kMaxPlaceName)
        return fail(ErrorKind::invalid,
                    fmt::format("node {} can't be a member as it describes itself", name));
    if (ring.member(newcomer.id) != nullptr) return refuse(fmt::format("node {} is a member already", name));
    if (std::ranges::binary_search(ring.barred, newcomer.id))
        return refuse(fmt::format("node {} was removed by force and may not come back", name));
    return {};
}

Result<void> check_movable(const RingState& ring) {
    if (ring.members.empty()) return refuse("there is no ring yet");
    if (ring.move)
        return refuse(
            fmt::format("node {} is still on the move: one change at a time", node_name(ring.move->subject)));
    return {};
}

Result<void> check_member(const RingState& ring, NodeId id) {
    if (ring.member(id) != nullptr) return {};
    return fail(ErrorKind::not_found, fmt::format("node {} is no member of the ring", node_name(id)));
}

/// Tokens of `from` become those of `to`; re-sorted, since owners order the tokens of one shard.
std::vector<Token> hand_over(std::vector<Token> tokens, NodeId from, NodeId to) {
    for (Token& token : tokens)
        if (token.owner == from) token.owner = to;
    std::ranges::sort(tokens, token_before);
    return tokens;
}

RingState next_epoch(const RingState& ring) {
    RingState next = ring;
    ++next.epoch;
    return next;
}

/// Without its move and without whoever came with it.
void drop_move(RingState& ring) {
    if (ring.move->kind != RingMove::Kind::leave) drop_member(ring, ring.move->subject);
    ring.move.reset();
}

/// The tokens that a move leads to once `removed` is out; `present` has lost it already.
std::vector<Token> move_without(const RingState& ring, const std::vector<Token>& present, NodeId removed) {
    if (ring.move->kind == RingMove::Kind::replace)
        return hand_over(present, ring.move->replaced, ring.move->subject);
    std::vector<RingMember> members = ring.members;
    if (ring.move->kind == RingMove::Kind::leave)
        std::erase_if(members, [&](const RingMember& member) { return member.id == ring.move->subject; });
    return tokens_after_leave(members, ring.move->tokens, removed, ring.replication_factor);
}

}  // namespace

const RingMember* RingState::member(NodeId id) const {
    const auto found = std::ranges::lower_bound(members, id, {}, &RingMember::id);
    return found != members.end() && found->id == id ? &*found : nullptr;
}

RingState found_ring(uint64_t cluster_id, uint32_t replication_factor, const RingMember& founder) {
    RingState ring;
    ring.cluster_id = cluster_id;
    ring.epoch = 1;
    ring.replication_factor = std::clamp(replication_factor, 1u, kMaxReplicationFactor);
    ring.members.push_back(founder);
    ring.tokens = tokens_after_join(ring.members, {}, founder.id, ring.replication_factor);
    return ring;
}

Result<RingState> begin_join(const RingState& ring, const RingMember& joiner) {
    if (const auto ok = check_movable(ring); !ok) return fail(ok.error());
    if (const auto ok = check_newcomer(ring, joiner); !ok) return fail(ok.error());
    if (ring.members.size() >= kMaxRingMembers)
        return refuse(fmt::format("the ring has {} members, the most there may be", ring.members.size()));
    RingState next = next_epoch(ring);
    add_member(next, joiner);
    next.move = {RingMove::Kind::join, joiner.id, 0,
                 tokens_after_join(next.members, next.tokens, joiner.id, next.replication_factor)};
    return next;
}

Result<RingState> begin_leave(const RingState& ring, NodeId leaver) {
    if (const auto ok = check_movable(ring); !ok) return fail(ok.error());
    if (const auto ok = check_member(ring, leaver); !ok) return fail(ok.error());
    if (ring.members.size() == 1) return refuse("the last node of a ring can't leave it");
    RingState next = next_epoch(ring);
    next.move = {RingMove::Kind::leave, leaver, 0,
                 tokens_after_leave(next.members, next.tokens, leaver, next.replication_factor)};
    return next;
}

Result<RingState> begin_replace(const RingState& ring, const RingMember& replacement, NodeId dead) {
    if (const auto ok = check_movable(ring); !ok) return fail(ok.error());
    if (const auto ok = check_member(ring, dead); !ok) return fail(ok.error());
    if (const auto ok = check_newcomer(ring, replacement); !ok) return fail(ok.error());
    const std::string& datacenter = ring.member(dead)->datacenter;
    if (datacenter != replacement.datacenter)
        return refuse(fmt::format("a node of datacenter '{}' can't take the place of one of '{}'",
                                  replacement.datacenter, datacenter));
    RingState next = next_epoch(ring);
    add_member(next, replacement);
    next.move = {RingMove::Kind::replace, replacement.id, dead, hand_over(ring.tokens, dead, replacement.id)};
    return next;
}

Result<RingState> finish_move(const RingState& ring) {
    if (!ring.move) return refuse("no node is on the move");
    RingState next = next_epoch(ring);
    next.tokens = std::move(next.move->tokens);
    if (ring.move->kind == RingMove::Kind::leave) drop_member(next, ring.move->subject);
    if (ring.move->kind == RingMove::Kind::replace) drop_member(next, ring.move->replaced);
    next.move.reset();
    return next;
}

Result<RingState> abort_move(const RingState& ring) {
    if (!ring.move) return refuse("no node is on the move");
    RingState next = next_epoch(ring);
    drop_move(next);
    return next;
}

Result<RingState> force_remove(const RingState& ring, NodeId id) {
    if (const auto ok = check_member(ring, id); !ok) return fail(ok.error());
    RingState next = next_epoch(ring);
    if (next.move && (next.move->subject == id || next.move->replaced == id)) drop_move(next);
    if (next.member(id) != nullptr) {  // else it was the one that came
        std::vector<RingMember> present = next.members;
        std::erase_if(present,
                      [&](const RingMember& member) { return !holds_tokens(next.tokens, member.id); });
        if (present.size() == 1) return refuse("the last node that holds data can't be removed");
        next.tokens = tokens_after_leave(present, next.tokens, id, next.replication_factor);
        // A leaver that is the only one left stays.
        if (next.move && next.move->kind == RingMove::Kind::leave && present.size() == 2) drop_move(next);
        if (next.move) next.move->tokens = move_without(next, next.tokens, id);
        drop_member(next, id);
    }
    next.barred.insert(std::ranges::lower_bound(next.barred, id), id);
    return next;
}

}  // namespace torc

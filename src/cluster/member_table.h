// What this node knows of the members, and the rules by which hearsay changes it:
//
//   facts   the higher (incarnation, version) wins; a higher incarnation refutes every accusation before it
//   down    hearsay alone takes nobody down whom this node has ever reached itself: it counts as one more
//           vote (failure_detector.h), so that a node that reaches C never believes C down
//   left    final, until a higher incarnation
//   of me   whoever believes me dead, or knows a later incarnation of me than I do, is outbid
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "cluster/membership.h"
#include "cluster/membership_message.h"

namespace torc {

struct MemberRecord {
    struct Vote {
        NodeId voter = 0;
        bool confirmed = false;  // it says down, not just unreachable
    };

    Member member;
    bool contacted = false;   // has answered this node, itself or through others
    bool presumed = false;    // down since the last run's file knew it and nobody has spoken of it since
    std::vector<Vote> votes;  // of others, against the present incarnation
    NodeId via = 0;           // who reached it when this node couldn't
    int64_t wall_less_monotonic_ms = 0;  // its wall clock minus our monotonic one
    int64_t wanted_ms = 0;               // when its facts were last asked for

    // The question under way (failure_detector.h).
    bool asking = false;
    bool hurried = false;  // somebody else accuses it: ask all ways at once
    bool relays_asked = false;
    bool relay_answered = false;  // whatever it said: the silence isn't ours
    int64_t asked_ms = 0;
    int64_t pinged_ms = 0;
    int64_t relayed_ms = 0;
    int64_t voted_ms = 0;
    unsigned missed = 0;         // questions in a row without a direct answer
    uint64_t refutation_of = 0;  // it answers, and others still count votes against this incarnation
    int64_t refutation_until_ms = 0;

    NodeId id() const { return member.facts.id; }
    bool gone() const { return member.liveness == Liveness::down || member.liveness == Liveness::left; }
    bool suspected() const { return member.liveness == Liveness::suspect; }
};

class MemberTable {
  public:
    using Now = Membership::Now;
    using Records = std::map<NodeId, MemberRecord>;
    static constexpr size_t kMaxVotes = 8;
    static constexpr size_t kMaxForgotten = 16 * Membership::kMaxMembers;

    enum class Merged : uint8_t {
        nothing,  // known, outdated, foreign or not to be had
        news,     // worth passing on
        accused,  // news, and this node has to look for itself
        greeted,  // news of a member that wasn't known
    };

    explicit MemberTable(const MemberFacts& self);

    Merged merge(const MemberUpdate& update, NodeId from, Now now);
    void remember(const MemberFacts& facts, Now now);
    void update_self(const MemberFacts& facts);
    void leave();
    /// Out of the list, with what others say of it, until it's heard of in a higher incarnation than known
    /// now.
    void forget(NodeId id);
    /// As if it had never been forgotten.
    void welcome(NodeId id) { forgotten_.erase(id); }
    /// Somebody believes this node dead in `incarnation`, or ascribes that incarnation to it. From then on,
    /// till the owner says otherwise, its facts call all its shards unsettled.
    void outbid(uint64_t incarnation);
    /// Tells the owner what changed, and that it did.
    void change_liveness(MemberRecord& record, Liveness liveness, Now now, const std::string& why);

    const MemberFacts& self() const { return self_; }
    bool leaving() const { return leaving_; }
    bool foreign(uint64_t cluster_id) const;
    bool forgotten(NodeId id, uint64_t incarnation) const;
    MemberRecord* find(NodeId id);
    Records& records() { return records_; }
    const Records& records() const { return records_; }

    /// Equal hashes: the same members, facts and deaths. Suspicions come and go and don't count.
    uint64_t hash() const;
    std::vector<MembershipMessage::Known> digest() const;
    /// All that is known of a member, this node included, as encoded updates.
    void describe(NodeId id, std::vector<std::string>& updates) const;

    /// True once after this node's own facts have changed.
    bool take_self_changed();
    std::vector<MembershipEvent> take_events();

  private:
    Merged merge_facts(const MemberFacts& facts, NodeId from, Now now);
    Merged merge_own(const MemberUpdate& update);
    Merged merge_vote(MemberRecord& record, const MemberUpdate& update, Now now);
    MemberRecord& insert(const MemberFacts& facts, Now now);
    void tell(MembershipEvent::Kind kind, NodeId id, std::string text);

    MemberFacts self_;
    bool leaving_ = false;
    bool self_changed_ = true;
    Records records_;
    std::map<NodeId, uint64_t> forgotten_;  // in which incarnation
    std::deque<NodeId> forgotten_order_;
    std::vector<MembershipEvent> events_;
};

/// As logs name a node.
std::string short_name(NodeId id);

}  // namespace torc

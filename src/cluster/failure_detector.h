// Who answers: asks one member after the other, others for help before it accuses anybody, and the accused
// again and again before it calls them down.
//
//   question    ping, and again; after the timeout also through `indirect_probes` others, twice; after twice
//               the timeout without an answer: suspect, and the vote is spread
//   accused     a vote of somebody else makes this node ask at once, all ways, and vote only by what it finds
//   suspect     asked all the time, and voted against each second; alive at the first answer. Down once the
//               suspicion time is over *and* another member's vote says the same, or there is nobody to ask
//   answered    but others have votes against it: pinged with the accusation until it has refuted them
//   down        asked now and then, so that two halves of a cluster find each other again
//
// Each interval asks the next member of a shuffled round and, so that nobody waits for a round, this node's
// neighbour in the order of ids: each member is the neighbour of exactly one.
#pragma once

#include <cstdint>
#include <vector>

#include "base/rng.h"
#include "cluster/local_health.h"
#include "cluster/member_post.h"
#include "cluster/member_table.h"

namespace torc {

class FailureDetector {
  public:
    using Now = Membership::Now;
    static constexpr size_t kMaxRelays = 1024;

    FailureDetector(MemberTable& table, MemberPost& post, const Membership::Settings& settings,
                    uint64_t seed);

    void on_tick(Now now);
    void on_ping(NodeId from, const MembershipMessage& ping);
    void on_ack(NodeId from, const MembershipMessage& ack, Now now);
    void on_ask(NodeId from, const MembershipMessage& ask, Now now);
    void on_relayed(NodeId from, const MembershipMessage& relayed, Now now);
    void on_unanswered(const MembershipMessage& unanswered);
    /// Anything from a member: one that's held to be down seems to be back.
    void on_heard(MemberRecord& record, Now now);
    void on_joined(NodeId id);
    /// Somebody can't reach it: look.
    void verify(MemberRecord& record, Now now);
    /// This node stood still: what it waited for meanwhile says nothing about the others.
    void forget_timers(Now now);
    void ping(MemberRecord& record, Now now);

    unsigned health_score() const { return health_.score(); }

  private:
    struct Relay {
        NodeId prober = 0;
        NodeId target = 0;
        uint32_t run = 0;
        int64_t stamp_ms = 0;
        MemberView view;
        int64_t began_ms = 0;
    };

    void next_questions(Now now);
    void ask(MemberRecord& record, bool hurried, Now now);
    void ask_others(MemberRecord& record, Now now);
    void pursue(MemberRecord& record, Now now);
    void suspect(MemberRecord& record, Now now);
    void vote_against(MemberRecord& record, Now now);
    void confirm_when_due(MemberRecord& record, Now now);
    int64_t suspicion_ms(const MemberRecord& record, Now now) const;
    bool believable(const MembershipMessage& answer, Now now) const;
    void answered(MemberRecord& record, const MembershipMessage& answer, Now now);
    void read_clock(MemberRecord& record, const MembershipMessage& ack, Now now);
    void relay_back(const MemberRecord& target, const MembershipMessage& ack);
    void expire_relays(Now now);
    MemberRecord* next_in_round();
    MemberRecord* neighbour();
    MemberRecord* next_down();
    bool may_be_asked(const MemberRecord& record, Now now) const;
    MemberView view_of(const MemberRecord& record) const;

    MemberTable& table_;
    MemberPost& post_;
    const Membership::Settings& settings_;
    Rng rng_;
    const uint32_t run_;
    LocalHealth health_;
    int64_t next_questions_ms_ = 0;
    int64_t not_before_ms_ = 0;  // answers to older questions are not believed
    std::vector<NodeId> round_;
    size_t round_at_ = 0;
    NodeId last_down_ = 0;
    NodeId last_helper_ = 0;
    std::vector<Relay> relays_;
};

}  // namespace torc

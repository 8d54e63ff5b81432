// Who is there and who is alive: one core of SWIM failure detection (Das et al. 2002) with Lifeguard (Dadgar
// et al. 2017) and gossip of what members say of themselves. A value that you feed: no thread, clock, socket.
//
//   probe     every probe_interval one member, round robin over a shuffled list: ping; no ack within the
//             timeout -> ping-req through `indirect_probes` others, and a relayed ack counts; still none ->
//             suspect. A suspect that doesn't refute (by a higher incarnation) within the suspicion time is
//             down. The suspicion time shrinks with independent confirmations, as in Lifeguard, and a node is
//             confirmed down only after at least one other node (when there are others) found it unreachable
//             itself: one who can't reach C while others can relays through them and never votes C down.
//   slow me   local health: missed acks and refutations of myself raise a score that stretches my timeouts
//   facts     what a member says of itself (addresses, rack, actor, unsettled shards, ring epoch): newer
//             (incarnation, version) wins; piggybacked on probes, plus a full push-pull with one random
//             member every push_pull_interval
//   leaving   a drained member announces `left`; nobody removes a member otherwise: it stays, down
//
// A member of another cluster (cluster_id differs and neither is 0) is not listened to. Bounds: payloads of
// at most kMaxPayload bytes out and in, at most kMaxMembers members.
//
// Thread rule: none inside; one thread, or the caller's lock.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/node_id.h"

namespace torc {

enum class Liveness : uint8_t { alive = 0, suspect = 1, down = 2, left = 3 };

/// What a member says of itself. Only its owner changes it, raising `version`.
struct MemberFacts {
    NodeId id = 0;
    uint64_t incarnation = 0;  // raised by the member to refute a suspicion, and at every start
    uint64_t version = 0;      // raised with every change of the facts below
    uint64_t cluster_id = 0;   // of the ring it belongs to; 0: none yet
    uint64_t ring_epoch = 0;
    uint64_t actor = 0;  // of its present run
    Endpoint bus;        // as others reach it
    Endpoint client;
    std::string hostname;
    std::string datacenter;
    std::string rack;
    uint32_t vnodes = 0;
    int64_t started_ms = 0;
    /// Shards that it doesn't coordinate alone yet: empty for none, else their bytes (shard_set.h).
    std::string unsettled;
};

struct Member {
    MemberFacts facts;
    Liveness liveness = Liveness::alive;
    int64_t since_ms = 0;         // monotonic; when the liveness changed, as seen here
    int64_t ping_sent_ms = 0;     // monotonic; 0: none under way
    int64_t last_heard_ms = 0;    // monotonic
    int64_t clock_offset_ms = 0;  // its wall clock minus ours, as last heard
    bool clock_known = false;
    bool reachable = true;  // by ourselves, directly
};

struct MembershipEvent {
    enum class Kind : uint8_t { joined, suspected, confirmed_down, alive_again, left, facts_changed };
    Kind kind = Kind::joined;
    NodeId id = 0;
    std::string text;  // for the operator's log: who found out what, and why
};

class Membership {
  public:
    static constexpr size_t kMaxPayload = 60 * 1024;
    static constexpr size_t kMaxMembers = 1024;

    struct Settings {
        int64_t probe_interval_ms = 200;
        int64_t probe_timeout_ms = 150;
        unsigned indirect_probes = 3;
        double suspicion_multiplier = 4;  // x log10(members) x probe interval, as memberlist counts it
        int64_t suspicion_min_ms = 1000;
        int64_t suspicion_max_ms = 6000;
        int64_t push_pull_interval_ms = 1000;
        unsigned gossip_fanout = 3;
    };
    struct Now {
        int64_t monotonic_ms = 0;
        int64_t wall_ms = 0;
    };

    Membership(MemberFacts self, Settings settings, uint64_t seed);
    ~Membership();

    // ---- inputs
    void on_message(NodeId from, std::string_view payload, Now now);
    /// At least 20 times a second.
    void on_tick(Now now);
    /// A connection to somebody new stands (a seed, CLUSTER MEET, or he called us): exchange everything.
    void on_contact(NodeId peer, Now now);
    /// Members known from before (the last run's file): not alive until heard.
    void remember(const MemberFacts& facts, Now now);
    /// Changes what we say of ourselves; id, incarnation and version are ours to keep.
    void update_self(const MemberFacts& facts);
    /// This node leaves for good: says so to all.
    void leave(Now now);
    /// Out of the list, and its gossip is ignored until it's started anew, or welcome.
    void forget(NodeId id, Now now);
    void welcome(NodeId id);

    // ---- outputs
    std::vector<Outgoing> take_outgoing();
    std::vector<MembershipEvent> take_events();

    // ---- looking
    const MemberFacts& self() const;
    const Member* find(NodeId id) const;
    std::vector<const Member*> members() const;  // all but ourselves, by id
    /// The median of all members' wall clocks, ours included and those that are down as last read, minus our
    /// own.
    int64_t cluster_clock_offset_ms() const;
    unsigned health_score() const;  // Lifeguard's; 0: healthy

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace torc

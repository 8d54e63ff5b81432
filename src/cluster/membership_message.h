// What members send each other, and its bytes. Every message may carry updates behind its own fields.
//
//   kind        from -> to           answer
//   ping        prober -> member     ack; with the answerer's facts when the prober's view is out of date
//   ack         member -> prober     -
//   ask         prober -> relay      the relay pings the target: relayed, or unanswered
//   relayed     relay -> prober      -
//   unanswered  relay -> prober      -
//   gossip      anyone -> anyone     -
//   summary     one -> random other  digest when the hashes differ
//   digest      either -> other      gossip with what the other lacks, and want
//   want        either -> other      gossip with what was asked for
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/membership.h"
#include "cluster/wire.h"

namespace torc {

/// What somebody believes of a member.
struct MemberView {
    uint64_t incarnation = 0;
    uint64_t version = 0;
    Liveness liveness = Liveness::alive;
};

/// One piece of gossip.
struct MemberUpdate {
    enum class Kind : uint8_t {
        facts = 1,  // the subject said this of itself: alive in that incarnation
        vote = 2,   // `voter` can't reach it, neither itself nor through others
        down = 3,   // `voter` has confirmed it down
        left = 4,   // it has said good-bye
    };
    Kind kind = Kind::facts;
    MemberFacts facts;  // of kind facts; else only id and incarnation
    NodeId voter = 0;
};

struct MembershipMessage {
    enum class Kind : uint8_t {
        ping = 1,
        ack = 2,
        ask = 3,
        relayed = 4,
        unanswered = 5,
        gossip = 6,
        summary = 7,
        digest = 8,
        want = 9,
    };
    struct Known {
        NodeId id = 0;
        MemberView view;
    };

    Kind kind = Kind::gossip;
    // of the sender
    uint64_t cluster_id = 0;
    uint64_t incarnation = 0;
    uint64_t version = 0;
    int64_t wall_ms = 0;
    // ping, ack, ask, relayed, unanswered
    NodeId target = 0;
    uint32_t run = 0;      // which run of the prober; echoed
    int64_t stamp_ms = 0;  // the prober's monotonic clock; echoed
    MemberView view;       // ping, ask: what the prober believes of the target

    uint64_t hash = 0;          // summary
    std::vector<Known> digest;  // at most kMaxMembers + 1
    std::vector<NodeId> wanted;
    std::vector<MemberUpdate> updates;
};

/// Everything but `updates`, which the caller appends as bytes made by encode_update().
std::string encode_message(const MembershipMessage& message);
std::string encode_update(const MemberUpdate& update);
/// False: malformed; `message` is then unspecified.
bool decode_message(std::string_view bytes, MembershipMessage& message);

}  // namespace torc

// How a ring changes: single-decree Paxos (Lamport 2001) for each epoch, the voters being the members of the
// epoch before, whatever their liveness, but not one whose own join or replacement is under way. The chosen
// value of epoch e+1 is a whole RingState one step from that of epoch e. What an acceptor promised or
// accepted is on disk before it answers.
//
//   propose()   somebody's wish for a step; the core computes the next state from the present ring, runs the
//               two phases, retries with randomised backoff under rivals (an earlier accepted value is
//               adopted and the wish tried again on top of it), and reports the end. A refusal by the present
//               ring is reported once a majority knows no newer one. What a proposer left half done, others
//               complete after a while
//   learn       a chosen ring is announced to all; whoever hears of a higher epoch fetches that ring and the
//               steps between don't matter
//   founding    a node without seeds founds a ring of one; a node with seeds waits until it is let in. A ring
//               of one without a move may dissolve into another when asked (the caller decides and calls
//               dissolve())
//
// Where force() was used, two different rings may have one epoch until their holders hear of each other; then
// the later force stands, or the higher node's (agreement_state.h: Fork).
//
// A value that you feed: no thread, clock, socket; the disk is written through `Storage`, which blocks.
// Thread rule: one thread, or the caller's lock.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cluster/node_id.h"
#include "cluster/ring.h"

namespace torc {

struct RingStep {
    enum class Kind : uint8_t { join = 1, leave, replace, finish, abort, force_remove, set_replication };
    Kind kind = Kind::join;
    RingMember member;      // join, replace: who comes (vnodes, datacenter and rack filled in)
    NodeId node = 0;        // leave, force_remove: who; replace: the dead one
    uint64_t of_epoch = 0;  // finish, abort: the epoch whose move is meant; other epochs' wishes lapse
    uint32_t replication_factor = 0;  // set_replication
};

class RingAgreement {
  public:
    /// Durable memory of the acceptor and of the last chosen ring; save() returns when the bytes are synced.
    class Storage {
      public:
        virtual ~Storage() = default;
        virtual Result<std::string> load() = 0;  // empty: nothing yet
        virtual Result<void> save(std::string_view bytes) = 0;
    };
    struct Event {
        enum class Kind : uint8_t {
            adopted,  // ring() is new
            done,     // the wish came true, in an epoch up to ring().epoch
            refused,  // it can't (text says why)
            gave_up,  // no majority within the time; it may still come true later
        };
        Kind kind = Kind::adopted;
        uint64_t wish = 0;
        std::string text;
    };
    struct Settings {
        int64_t round_timeout_ms = 500;  // of the first round; later ones get up to eight times as much
        int64_t give_up_ms = 10'000;     // once the round under way has ended
    };

    RingAgreement(NodeId self, Storage& storage, Settings settings, uint64_t seed);
    ~RingAgreement();

    /// Reads what was saved. Must be called first.
    Result<void> open();
    /// Only while ring().cluster_id is 0.
    Result<void> found(const RingMember& self, uint32_t replication_factor);
    /// Leaves a ring of one, or one that this node was removed from, to be let into another: back to
    /// cluster_id 0. Later rings of the same cluster that name this node are welcome, those up to now aren't.
    Result<void> dissolve();
    /// An operator's word without a majority (FORCE-REMOVE): takes the next epoch alone, under a ballot that
    /// beats all others. Only force_remove (not of itself) and abort. Dangerous by nature; the caller has
    /// warned. After an error of the storage it may still come true at the next start.
    Result<void> force(const RingStep& step);

    /// Returns the wish's number; its end comes as an event. Wishes are tried one after another.
    uint64_t propose(const RingStep& step, int64_t now_ms);

    void on_message(NodeId from, std::string_view payload, int64_t now_ms);
    void on_tick(int64_t now_ms);
    /// `peer` says (by gossip) that it has this epoch of our cluster: fetch it if it's newer.
    void on_epoch_heard(NodeId peer, uint64_t cluster_id, uint64_t epoch, int64_t now_ms);

    std::vector<Outgoing> take_outgoing();
    std::vector<Event> take_events();

    const RingState& ring() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace torc

// The inside of RingAgreement: wishes wait in a queue; the first one has a round under way, or waits for its
// next try after rivals or silence. ring_agreement.cc holds the wishes and the proposer,
// ring_agreement_bus.cc what is done with messages.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/rng.h"
#include "cluster/agreement_acceptor.h"
#include "cluster/agreement_message.h"
#include "cluster/agreement_round.h"
#include "cluster/ring_agreement.h"
#include "cluster/step_verdict.h"

namespace torc {

struct RingAgreement::Impl {
    static constexpr size_t kMaxWishes = 256;

    struct Wish {
        uint64_t number = 0;
        RingStep step;
        int64_t deadline_ms = 0;
        WishMemory memory;
        std::optional<RingState> wanted;  // proposed on top of the present ring
        std::optional<std::string>
            refusal;  // the present ring forbids it; a round asks if there's a newer one
    };

    Impl(NodeId self, Storage& storage, Settings settings, uint64_t seed)
        : self(self), settings(settings), rng(seed), acceptor(self, storage) {}

    // ---- wishes and the proposer
    uint64_t add_wish(const RingStep& step, int64_t now_ms);
    void end_wish(Event::Kind kind, std::string text);  // the first one
    void expire_wishes(int64_t now_ms);
    /// Starts the next round, if there's a wish and none under way.
    void pursue(int64_t now_ms);
    /// Finishes what another proposer left half done: a ring that nobody announces would otherwise come to
    /// light at some later step.
    void complete(int64_t now_ms);
    void begin_round(std::optional<RingState> own, int64_t now_ms);
    /// Goes on as far as the answers allow.
    void advance_round();
    /// How long the present one may take.
    int64_t round_ms() const;
    void send_phase();
    void fail_round(int64_t now_ms);
    Result<void> adopt(RingState ring, Fork fork);

    // ---- messages
    void receive(NodeId from, const AgreementMessage& m, int64_t now_ms);
    void on_prepare(NodeId from, const AgreementMessage& m);
    void on_accept(NodeId from, const AgreementMessage& m, int64_t now_ms);
    void on_refuse(NodeId from, const AgreementMessage& m, int64_t now_ms);
    void on_announce(NodeId from, const AgreementMessage& m);
    void on_ask(NodeId from, const AgreementMessage& m, int64_t now_ms);
    void answer(NodeId to, const AgreementMessage& request, AgreementMessage::Kind kind);
    void send(NodeId to, const AgreementMessage& m);
    void announce(NodeId to);
    void ask(NodeId to, int64_t now_ms);

    const RingState& ring() const { return acceptor.ring(); }
    bool votes() const { return round ? round->is_voter(self) : is_voter(self); }
    bool is_voter(NodeId id) const;
    int64_t random_ms(int64_t below) {
        return static_cast<int64_t>(rng.below(static_cast<uint64_t>(below) + 1));
    }

    const NodeId self;
    const Settings settings;
    Rng rng;
    AgreementAcceptor acceptor;

    std::deque<Wish> wishes;
    uint64_t last_wish = 0;
    std::string obstacle;         // why the last round failed
    std::string storage_trouble;  // of our own; empty once a save succeeded again

    std::optional<AgreementRound> round;
    int64_t round_deadline_ms = 0;  // 0: from the next tick on
    int64_t resend_at_ms = 0;
    unsigned failed_rounds = 0;    // since the last new ring
    uint64_t highest_round = 0;    // of ballots seen for the next ring
    int64_t retry_at_ms = 0;       // no round for a wish before
    int64_t completion_at_ms = 0;  // no round for complete() before; 0: not set yet

    std::unordered_map<NodeId, int64_t> asked_ms;  // when last; bounded, forgotten with a new ring
    std::vector<Outgoing> outgoing;
    std::vector<Event> events;
};

}  // namespace torc

// What nodes ask of each other about the ring: to be let in, to meet (CLUSTER MEET).
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "cluster/wire.h"
#include "node/control_plane.h"

namespace torc {
namespace {

constexpr size_t kLongestName = 255;
/// Before the next one is asked: so long it may take who was asked to propose it.
constexpr uint64_t kSeeksOfOne = 20;
constexpr int64_t kMeetMs = 30'000, kMeetAgainMs = 1000;
constexpr size_t kMostMeetings = 256;

}  // namespace

void ControlPlane::send_request(NodeId to, RequestKind kind, const RingMember& member, NodeId node) {
    WireWriter writer;
    writer.u8(static_cast<uint8_t>(kind));
    writer.u64(member.id);
    writer.string(member.datacenter);
    writer.string(member.rack);
    writer.u32(member.vnodes);
    writer.u64(node);
    writer.u64(agreement_.ring().cluster_id);
    writer.u64(agreement_.ring().epoch);
    writer.u64(agreement_.ring().members.size());
    send(to, kRequest, writer.bytes());
}

void ControlPlane::on_request(NodeId from, std::string_view payload) {
    WireReader reader(payload);
    const uint8_t kind = reader.u8();
    RingMember member;
    member.id = reader.u64();
    member.datacenter = reader.string(kLongestName);
    member.rack = reader.string(kLongestName);
    member.vnodes = reader.u32();
    const NodeId node = reader.u64();
    const uint64_t their_cluster = reader.u64();
    (void)reader.u64();
    const uint64_t their_members = reader.u64();
    if (!reader.finished() || member.id != from) return;
    if (kind == static_cast<uint8_t>(RequestKind::meet)) membership_->welcome(from);
    const RingState& ring = agreement_.ring();
    const bool alone = ring.members.size() == 1 && !ring.move;
    switch (static_cast<RequestKind>(kind)) {
        case RequestKind::meet:
            if (their_cluster == ring.cluster_id) return;
            if (ring.cluster_id == 0 || their_cluster == 0) {
                next_seek_ms_ = 0;  // who has no ring asks to be let in
                return;
            }
            // Of two that are alone one gives its ring up, even when both were told to meet at once.
            if (alone && (their_members > 1 || settings_.self.id > from)) {
                // Their ring takes us in; what we hold comes along.
                if (auto gone = agreement_.dissolve(); !gone) return note(gone.error().message);
                log_notice("Node {} asks this one to join its cluster {:016x}", node_name(from),
                           their_cluster);
                on_ring_adopted();
                // While each had a ring of its own neither listened to the other's gossip.
                refresh_facts();
                membership_->on_contact(from, now());
                next_seek_ms_ = 0;
            } else if (their_members <= 1) {
                send_request(from, RequestKind::meet, settings_.self, 0);
            } else {
                const std::string refusal =
                    "two clusters of several nodes never merge: node " + node_name(from) + " was refused";
                if (status().last != refusal) note(refusal);  // it asks again
            }
            return;
        case RequestKind::join:
        case RequestKind::replace: {
            if (ring.cluster_id == 0 || ring.member(member.id) != nullptr || ring.move || wish_ != 0) return;
            RingStep step;
            step.kind = kind == static_cast<uint8_t>(RequestKind::replace) ? RingStep::Kind::replace
                                                                           : RingStep::Kind::join;
            step.member = member;
            step.node = node;
            wish_ = agreement_.propose(step, now().monotonic_ms);
            log_notice("Node {} asks to be let in; proposing epoch {}", node_name(member.id), ring.epoch + 1);
            return;
        }
        case RequestKind::leave:
        case RequestKind::finish:
            return;
    }
}

// ---- being let in

/// Without a ring: asks whoever has one to be let in.
void ControlPlane::seek_ring() {
    if (dialer_ == nullptr) return;
    const RingState& ring = agreement_.ring();
    for (const Endpoint& seed : settings_.seeds) {
        const bool known = std::ranges::any_of(membership_->members(), [&](const Member* member) {
            return member->facts.bus == seed && links_.contains(member->facts.id);
        });
        if (!known && (ring.cluster_id == 0 || links_.empty())) dialer_->dial(seed);
    }
    if (ring.cluster_id != 0) return;
    // Whom we met while our own ring still stood, and who therefore wasn't listened to.
    for (const auto& [id, links] : links_)
        if (membership_->find(id) == nullptr) membership_->on_contact(id, now());
    std::vector<NodeId> asked;
    for (const Member* member : membership_->members())
        if (member->facts.cluster_id != 0 && member->liveness == Liveness::alive &&
            links_.contains(member->facts.id))
            asked.push_back(member->facts.id);
    if (asked.empty()) return;
    // One after the other, so that they don't propose against each other; and not the same one for ever,
    // which may be outside the ring itself: drained, or removed.
    const NodeId to = asked[seeks_++ / kSeeksOfOne % asked.size()];
    const RequestKind kind = settings_.replaces != 0 ? RequestKind::replace : RequestKind::join;
    send_request(to, kind, settings_.self, settings_.replaces);
}

/// Was this node on its way into the ring when others ended that? They took it for dead, and nobody bars it.
bool ControlPlane::was_given_up(const RingState& ring) const {
    const std::optional<RingMove>& move = cluster_.topology()->ring->state().move;
    return move && move->kind != RingMove::Kind::leave && move->subject == settings_.self.id &&
           ring.cluster_id == published_cluster_ && ring.member(settings_.self.id) == nullptr &&
           !std::ranges::binary_search(ring.barred, settings_.self.id);
}

// ---- meeting

void ControlPlane::meet(const Endpoint& bus) {
    submit([this, bus] {
        const bool is_new = std::ranges::find(meetings_, bus, &Meeting::bus) == meetings_.end();
        if (is_new && meetings_.size() < kMostMeetings)
            meetings_.push_back({.bus = bus, .until_ms = now().monotonic_ms + kMeetMs});
    });
}

bool ControlPlane::shares_ring(NodeId peer) const {
    const RingState& ring = agreement_.ring();
    const Member* member = membership_->find(peer);
    return ring.cluster_id != 0 && (ring.member(peer) != nullptr ||
                                    (member != nullptr && member->facts.cluster_id == ring.cluster_id));
}

/// Who is to be met is asked until both have a ring in common: the first time it may just have given its own
/// ring up for another one's, and be unable to say anything.
void ControlPlane::tend_meetings() {
    const int64_t ms = now().monotonic_ms;
    std::erase_if(meetings_, [&](Meeting& meeting) {
        for (const Member* member : membership_->members())
            if (meeting.peer == 0 && member->facts.bus == meeting.bus) meeting.peer = member->facts.id;
        if (meeting.peer != 0 && shares_ring(meeting.peer)) return true;
        if (ms >= meeting.until_ms) {
            note(fmt::format("CLUSTER MEET {}:{} came to nothing: {}", meeting.bus.host, meeting.bus.port,
                             meeting.peer == 0 ? "nobody answers" : "there's no ring in common"));
            return true;
        }
        if (ms < meeting.next_ms) return false;
        meeting.next_ms = ms + kMeetAgainMs;
        if (!links_.contains(meeting.peer)) {
            dialer_->dial(meeting.bus);
            return false;
        }
        membership_->welcome(meeting.peer);
        send_request(meeting.peer, RequestKind::meet, settings_.self, 0);
        return false;
    });
}

}  // namespace torc

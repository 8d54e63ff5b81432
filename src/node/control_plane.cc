#include "node/control_plane.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "cluster/member_facts.h"

namespace torc {
namespace {

constexpr uint8_t kMembership = 1, kAgreement = 2, kTakeOver = 4;
constexpr int64_t kSeekMs = 500;
constexpr int64_t kTendMs = 250;
constexpr int64_t kSaveMs = 1000;
constexpr int64_t kSnapshotMs = 250;
/// A node that was started waits so long to hear from the others before clients hear from it.
constexpr int64_t kGatherMs = 3000;
/// A joiner that's down for so long is given up.
constexpr int64_t kGiveUpJoinerMs = 30'000;
constexpr std::string_view kMembersFile = "cluster-members";

MemberFacts facts_of(const ControlPlane::Settings& settings, uint64_t actor, int64_t started_ms) {
    MemberFacts facts;
    facts.id = settings.self.id;
    facts.actor = actor;
    facts.incarnation = static_cast<uint64_t>(started_ms);
    facts.bus = settings.bus;
    facts.client = settings.client;
    facts.hostname = settings.hostname;
    facts.datacenter = settings.self.datacenter;
    facts.rack = settings.self.rack;
    facts.vnodes = settings.self.vnodes;
    facts.started_ms = started_ms;
    return facts;
}

/// What a later run has to know of another node: who and where it is. The rest changes all the time.
MemberFacts lasting(MemberFacts facts) {
    facts.incarnation = facts.version = facts.ring_epoch = facts.actor = 0;
    facts.started_ms = 0;
    facts.unsettled.clear();
    return facts;
}

/// Can a node whose address shows as `shown` be the one that is to be met at `host`? An address is compared,
/// a name may be anybody's.
bool may_be_reached_at(const std::string& shown, const std::string& host) {
    return host == shown || host.find_first_not_of("0123456789.") != std::string::npos;
}

}  // namespace

ControlPlane::ControlPlane(ClusterCore& cluster, Disk& disk, const Clock& clock, Settings settings)
    : cluster_(cluster),
      disk_(disk),
      clock_(clock),
      settings_(std::move(settings)),
      ring_file_(disk, settings_.directory),
      agreement_(settings_.self.id, ring_file_, {}, settings_.random_seed ^ 0x5eed0001),
      membership_(std::make_unique<Membership>(facts_of(settings_, cluster.actor, clock.wall_ms()),
                                               Membership::Settings{}, settings_.random_seed ^ 0x5eed0002)),
      take_over_(cluster) {}

ControlPlane::~ControlPlane() = default;

Membership::Now ControlPlane::now() const {
    return {clock_.monotonic_ns() / 1'000'000, clock_.wall_ms()};
}

Result<void> ControlPlane::open() {
    if (auto opened = agreement_.open(); !opened) return opened;
    const auto saved = load_cluster_file(disk_, settings_.directory, kMembersFile);
    if (saved) {
        // Only addresses: a damaged list costs no more than asking the seeds again.
        if (const auto members = decode_members(*saved))
            for (const MemberFacts& facts : *members)
                if (facts.id != settings_.self.id) membership_->remember(facts, now());
    } else if (saved.error().kind != ErrorKind::not_found) {
        log_warning("{}", saved.error().message);
    }
    seen_incarnation_ = membership_->self().incarnation;
    on_ring_adopted();
    publish();
    return {};
}

BusIdentity ControlPlane::identity() {
    return {settings_.self.id, cluster_id_.load(), settings_.secret};
}

void ControlPlane::start(BusDialer& dialer, WorkerHost&) {
    dialer_ = &dialer;
}

void ControlPlane::begin() {
    begun_ = true;
    if (agreement_.ring().cluster_id == 0 && settings_.seeds.empty()) {
        if (auto founded = agreement_.found(settings_.self, settings_.replication_factor); !founded)
            log_warning("The ring can't be founded: {}", founded.error().message);
        else
            log_notice("Founded cluster {:016x} with replication factor {}", agreement_.ring().cluster_id,
                       settings_.replication_factor);
    }
    on_ring_adopted();
    // Before anything is said: facts without unsettled shards would make others leave deciding to this node.
    refresh_facts();
    for (const auto& [peer, links] : links_) membership_->on_contact(peer, now());
    pump();
}

// ---- links

/// Where others reach this node, when nobody said so: as it's known at its end of a link. An address that
/// other machines can use is better than one of this machine's own.
void ControlPlane::learn_own_host(const BusLink& link) {
    const std::string host = link.own_host();
    MemberFacts facts = membership_->self();
    const auto is_loopback = [](std::string_view text) { return text.starts_with("127.") || text == "::1"; };
    const auto better = [&](const std::string& known) {
        return known.empty() || (is_loopback(known) && !is_loopback(host));
    };
    if (host.empty() || !settings_.bus.host.empty() || !better(facts.bus.host)) return;
    facts.bus.host = facts.client.host = host;
    membership_->update_self(facts);
}

void ControlPlane::on_link_up(BusLink& link) {
    PeerLinks& peer = links_[link.peer()];
    (link.dialled() ? peer.dialled : peer.accepted) = &link;
    (link.dialled() ? peer.dialled_ms : peer.accepted_ms) = clock_.wall_ms();
    learn_own_host(link);
    if (!begun_) return;
    membership_->on_contact(link.peer(), now());
    const auto meeting = std::ranges::find_if(meetings_, [&](const Meeting& m) {
        return m.peer == 0 && may_be_reached_at(link.peer_host(), m.bus.host);
    });
    if (link.dialled() && meeting != meetings_.end() && !kept_.contains(link.peer())) {
        meeting->peer = link.peer();
        meeting->next_ms = 0;
        tend_meetings();
    }
    pump();
}

void ControlPlane::on_link_down(BusLink& link) {
    const auto at = links_.find(link.peer());
    if (at == links_.end()) return;
    if (at->second.dialled == &link) at->second.dialled = nullptr;
    if (at->second.accepted == &link) at->second.accepted = nullptr;
    if (at->second.any() == nullptr) links_.erase(at);
}

void ControlPlane::send(NodeId to, uint8_t what, std::string_view payload) {
    const auto at = links_.find(to);
    if (at == links_.end()) return;
    std::string frame(1, static_cast<char>(what));
    frame += payload;
    ClusterCounters::add(cluster_.counters.frames_sent);
    ClusterCounters::add(cluster_.counters.bytes_sent, frame.size());
    at->second.any()->send(frame);
}

void ControlPlane::on_frame(BusLink& link, std::string_view payload) {
    if (payload.empty() || !begun_) return;
    ClusterCounters::add(cluster_.counters.frames_received);
    ClusterCounters::add(cluster_.counters.bytes_received, payload.size());
    const auto what = static_cast<uint8_t>(payload.front());
    const std::string_view body = payload.substr(1);
    if (what == kMembership) {
        membership_->on_message(link.peer(), body, now());
        // Taken for dead, and about to say otherwise: workers are told before anybody hears of it.
        if (membership_->self().incarnation != seen_incarnation_) refresh_facts();
    }
    if (what == kAgreement) agreement_.on_message(link.peer(), body, now().monotonic_ms);
    if (what == kRequest) on_request(link.peer(), body);
    if (what == kTakeOver) take_over_.on_message(link.peer(), body, now().monotonic_ms);
    pump();
}

// ---- turning

void ControlPlane::on_tick() {
    if (!begun_) {
        if (!ready_ || dialer_ == nullptr) return;
        begin();
    }
    run_submitted();
    membership_->on_tick(now());
    agreement_.on_tick(now().monotonic_ms);
    take_over_.on_tick(now().monotonic_ms);
    refresh_facts();
    const int64_t ms = now().monotonic_ms;
    keep_links();
    tend_meetings();
    if (ms >= next_seek_ms_) {
        next_seek_ms_ = ms + kSeekMs;
        seek_ring();
    }
    if (ms >= next_tend_ms_) {
        next_tend_ms_ = ms + kTendMs;
        tend_move();
    }
    pump();
    if (ms >= next_snapshot_ms_) {
        next_snapshot_ms_ = ms + kSnapshotMs;
        note_foreign_data();
        refresh_snapshot();
    }
    if (!cluster_.gathered()) gather();
    if (members_changed_ && ms >= next_save_ms_) {
        next_save_ms_ = ms + kSaveMs;
        save_members();
    }
}

void ControlPlane::gather() {
    const RingState& ring = agreement_.ring();
    size_t here = 0;
    for (const RingMember& member : ring.members) {
        const Member* known = membership_->find(member.id);
        if (member.id == settings_.self.id || (known != nullptr && known->liveness == Liveness::alive))
            ++here;
    }
    if (gather_until_ms_ == 0) gather_until_ms_ = now().monotonic_ms + kGatherMs;
    if (2 * here > ring.members.size() || ring.members.empty() || now().monotonic_ms >= gather_until_ms_)
        cluster_.set_gathered();
}

void ControlPlane::pump() {
    for (const MembershipEvent& event : membership_->take_events()) on_member_event(event);
    for (const RingAgreement::Event& event : agreement_.take_events()) {
        if (event.kind == RingAgreement::Event::Kind::adopted) {
            on_ring_adopted();
            continue;
        }
        if (event.wish == wish_) wish_ = 0;
        if (event.kind != RingAgreement::Event::Kind::done) note(event.text);
    }
    for (const Outgoing& out : membership_->take_outgoing()) send(out.to, kMembership, out.payload);
    for (const Outgoing& out : agreement_.take_outgoing()) send(out.to, kAgreement, out.payload);
    for (const Outgoing& out : take_over_.take_outgoing()) send(out.to, kTakeOver, out.payload);
    changed_ |= take_over_.take_changed();
    if (!changed_) return;
    keep_links();
    publish();
}

void ControlPlane::on_member_event(const MembershipEvent& event) {
    changed_ = true;
    members_changed_ = true;
    if (event.kind == MembershipEvent::Kind::facts_changed) return;
    log_notice("Node {}: {}", node_name(event.id), event.text);
}

void ControlPlane::on_ring_adopted() {
    const RingState& ring = agreement_.ring();
    // Where steps were forced, another ring may have the same epoch.
    if (dialer_ != nullptr && ring.cluster_id == published_cluster_ &&
        ring == cluster_.topology()->ring->state())
        return;
    if (was_given_up(ring)) {
        const auto gone = agreement_.dissolve();
        note(gone ? "the move that was to bring this node in was given up; it asks again"
                  : gone.error().message);
        next_seek_ms_ = 0;
    }
    const RingTable table(ring);
    // What we hold of a shard that we didn't own a moment ago proves nothing.
    const bool same_cluster = ring.cluster_id == published_cluster_;
    const std::shared_ptr<const Topology> before = cluster_.topology();
    for (unsigned s = 0; s < kShards; ++s) {
        const auto shard = static_cast<ShardId>(s);
        const bool owned = same_cluster && before->ring->owns(settings_.self.id, shard);
        const bool filled = same_cluster && before->ring->will_own(settings_.self.id, shard);
        // Nor of one that others have decided for until now: what they had acknowledged may have missed us.
        const auto decides_by = [&](const RingTable& ring_table) {
            return ring_table.first_owner(shard, settings_.self.datacenter) == settings_.self.id;
        };
        const bool decides = decides_by(table);
        const bool decided = same_cluster && decides_by(*before->ring);
        if ((!owned && !filled) || (decides && !decided)) cluster_.unsettle(shard);
        // Alone there's nobody whose writes could have been missed.
        if (ring.members.size() == 1 && table.owns(settings_.self.id, shard)) {
            cluster_.settle(shard);
            cluster_.take(shard, now().monotonic_ms, cluster_.unsettle_count());
        }
    }
    if (ring.cluster_id != 0)
        log_notice("Ring epoch {}: {} members{}", ring.epoch, ring.members.size(),
                   ring.move ? ", moving" : "");
    published_cluster_ = ring.cluster_id;
    cluster_id_ = ring.cluster_id;
    if (draining_ && ring.cluster_id != 0 && ring.member(settings_.self.id) == nullptr) {
        draining_ = false;
        log_notice("This node is drained: it holds no shard any more");
        note("drained");
    }
    std::lock_guard guard(mutex_);
    status_.in_ring = ring.member(settings_.self.id) != nullptr;
    changed_ = true;
}

void ControlPlane::refresh_facts() {
    // Others took this node for dead, or its loops stood still: what was written meanwhile isn't here.
    if (membership_->self().incarnation != seen_incarnation_) {
        seen_incarnation_ = membership_->self().incarnation;
        if (agreement_.ring().members.size() > 1) cluster_.unsettle_all();
    }
    cluster_.distrust_after_pauses(counters().pauses.load(), agreement_.ring().members.size());
    cluster_.set_clock_offset(membership_->cluster_clock_offset_ms());
    MemberFacts facts = membership_->self();
    const RingState& ring = agreement_.ring();
    std::string unsettled = cluster_.unsettled_bits();
    if (facts.cluster_id != ring.cluster_id || facts.ring_epoch != ring.epoch ||
        facts.unsettled != unsettled) {
        facts.cluster_id = ring.cluster_id;
        facts.ring_epoch = ring.epoch;
        facts.unsettled = std::move(unsettled);
        membership_->update_self(facts);
    }
    for (const Member* member : membership_->members())
        agreement_.on_epoch_heard(member->facts.id, member->facts.cluster_id, member->facts.ring_epoch,
                                  now().monotonic_ms);
}

bool ControlPlane::leads() const {
    const RingState& ring = agreement_.ring();
    for (const RingMember& member : ring.members) {
        if (member.id == settings_.self.id) return true;
        const Member* known = membership_->find(member.id);
        // Not who comes, and not who can't take the present ring, as when its disk is full.
        const bool comes =
            ring.move && ring.move->kind != RingMove::Kind::leave && ring.move->subject == member.id;
        if (known != nullptr && known->liveness == Liveness::alive && !comes &&
            known->facts.ring_epoch >= ring.epoch)
            return false;
    }
    return false;
}

bool ControlPlane::move_is_complete(const RingState& ring) const {
    const RingTable& table = *cluster_.topology()->ring;
    if (table.epoch() != ring.epoch) return false;
    for (const RingMember& member : ring.members) {
        const std::vector<ShardId> gained = table.gained(member.id);
        if (gained.empty()) continue;
        if (member.id == settings_.self.id) {
            if (!std::ranges::all_of(gained, [&](ShardId shard) { return cluster_.settled(shard); }))
                return false;
            continue;
        }
        const Member* known = membership_->find(member.id);
        if (known == nullptr || known->facts.ring_epoch != ring.epoch) return false;
        const ShardSet unsettled = shard_set_of(known->facts.unsettled);
        if (std::ranges::any_of(gained, [&](ShardId shard) { return unsettled[shard]; })) return false;
    }
    return true;
}

/// One of the members sees to it that a move ends: finished when every gained shard is filled, aborted when
/// the one who comes is gone.
void ControlPlane::tend_move() {
    const RingState& ring = agreement_.ring();
    if (ring.cluster_id == 0 || wish_ != 0) return;
    if (draining_ && !ring.move && ring.member(settings_.self.id) != nullptr) {
        RingStep step;
        step.kind = RingStep::Kind::leave;
        step.node = settings_.self.id;
        wish_ = agreement_.propose(step, now().monotonic_ms);
        return;
    }
    if (!ring.move || !leads()) return;
    RingStep step;
    step.of_epoch = ring.epoch;
    const Member* subject = membership_->find(ring.move->subject);
    if (move_is_complete(ring)) {
        step.kind = RingStep::Kind::finish;
        log_notice("Every shard that moves is filled: finishing epoch {}", ring.epoch);
    } else if (ring.move->kind != RingMove::Kind::leave && subject != nullptr &&
               subject->liveness == Liveness::down &&
               now().monotonic_ms - subject->since_ms > kGiveUpJoinerMs) {
        step.kind = RingStep::Kind::abort;
        log_warning("Node {} died while its shards were being moved to it: aborting",
                    node_name(ring.move->subject));
    } else {
        return;
    }
    wish_ = agreement_.propose(step, now().monotonic_ms);
}

void ControlPlane::keep_links() {
    if (dialer_ == nullptr) return;
    std::map<NodeId, Endpoint> wanted;
    for (const Member* member : membership_->members())
        if (member->liveness != Liveness::left && !member->facts.bus.host.empty())
            wanted[member->facts.id] = member->facts.bus;
    if (wanted == kept_) return;
    for (const auto& [id, bus] : wanted)
        if (const auto at = kept_.find(id); at == kept_.end() || at->second != bus)
            dialer_->keep_link(id, bus);
    for (const auto& [id, bus] : kept_)
        if (!wanted.contains(id)) dialer_->drop_link(id);
    kept_ = std::move(wanted);
}

void ControlPlane::publish() {
    changed_ = false;
    auto topology = std::make_shared<Topology>();
    const std::shared_ptr<const Topology> before = cluster_.topology();
    const RingState& ring = agreement_.ring();
    topology->ring = before->ring->state() == ring ? before->ring : std::make_shared<const RingTable>(ring);
    for (const Member* member : membership_->members()) {
        Peer peer;
        peer.id = member->facts.id;
        peer.liveness = member->liveness;
        peer.bus = member->facts.bus;
        peer.client = member->facts.client;
        peer.hostname = member->facts.hostname;
        peer.datacenter = member->facts.datacenter;
        peer.rack = member->facts.rack;
        peer.actor = member->facts.actor;
        peer.ceded = take_over_.ceded_to(peer.id, peer.actor);
        peer.unsettled = shard_set_of(member->facts.unsettled) & ~peer.ceded;
        topology->peers.push_back(std::move(peer));
    }
    std::ranges::sort(topology->peers, {}, &Peer::id);
    cluster_.publish(std::move(topology));
    refresh_snapshot();
}

void ControlPlane::save_members() {
    members_changed_ = false;
    std::vector<MemberFacts> facts, places;
    for (const Member* member : membership_->members()) {
        facts.push_back(member->facts);
        places.push_back(lasting(member->facts));
    }
    // A save is a sync, for which this thread stands still. On a slow disk that makes others doubt this node,
    // and with each doubt facts change: if they were saved it would go on for ever.
    std::string next = encode_members(places);
    if (next == saved_places_) return;
    const auto saved = store_cluster_file(disk_, settings_.directory, kMembersFile, encode_members(facts));
    if (!saved) return log_warning("{}", saved.error().message);
    saved_places_ = std::move(next);
}

// ---- from other threads

void ControlPlane::submit(std::function<void()> task) {
    std::lock_guard guard(mutex_);
    submitted_.push_back(std::move(task));
}

void ControlPlane::run_submitted() {
    std::vector<std::function<void()>> tasks;
    {
        std::lock_guard guard(mutex_);
        tasks.swap(submitted_);
    }
    for (const auto& task : tasks) task();
}

void ControlPlane::note(std::string text) {
    log_notice("{}", text);
    std::lock_guard guard(mutex_);
    status_.last = std::move(text);
}

ControlPlane::Status ControlPlane::status() const {
    std::lock_guard guard(mutex_);
    return status_;
}

void ControlPlane::drain() {
    submit([this] {
        draining_ = true;
        std::lock_guard guard(mutex_);
        status_.draining = true;
    });
}

void ControlPlane::forget(NodeId id) {
    submit([this, id] {
        membership_->forget(id, now());
        changed_ = members_changed_ = true;
    });
}

void ControlPlane::force_remove(NodeId id) {
    submit([this, id] {
        RingStep step;
        step.kind = RingStep::Kind::force_remove;
        step.node = id;
        if (auto forced = agreement_.force(step); !forced) return note(forced.error().message);
        log_warning("Node {} was removed by force, on an operator's word", node_name(id));
        // It stays a member of the gossip: should it live behind a partition, both sides have to hear of each
        // other's rings when that is over. CLUSTER FORGET takes it out of the list.
        on_ring_adopted();
    });
}

void ControlPlane::reset(bool hard) {
    submit([this, hard] {
        const RingState& ring = agreement_.ring();
        if (ring.cluster_id != 0 && ring.member(settings_.self.id) != nullptr && ring.members.size() > 1)
            return note("a member of a ring of several nodes isn't reset: drain it first");
        if (ring.cluster_id != 0) {
            if (auto gone = agreement_.dissolve(); !gone) return note(gone.error().message);
            on_ring_adopted();
        }
        if (hard) {
            std::vector<NodeId> others;
            for (const Member* member : membership_->members()) others.push_back(member->facts.id);
            for (const NodeId id : others) membership_->forget(id, now());
        }
        changed_ = members_changed_ = true;
        note(hard ? "reset: this node belongs to no ring and knows no other node"
                  : "reset: this node has no ring");
    });
}

}  // namespace torc

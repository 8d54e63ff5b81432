#include "tests/cluster/fake_members.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace torc {

// In no order that means anything, as ids are; of a fixed table, so that tests can name nodes.
const NodeId FakeMembers::kIds[32] = {
    0x9c00, 0x1300, 0xee00, 0x4700, 0x7b00, 0x2200, 0xd100, 0x5800, 0x0a00, 0xb600, 0x6f00,
    0x3500, 0xc900, 0x8400, 0xf200, 0x1d00, 0x5100, 0xa300, 0x2e00, 0x7000, 0xdd00, 0x4000,
    0x9600, 0x0600, 0xbb00, 0x6400, 0x3b00, 0xcf00, 0x8a00, 0xf900, 0x1800, 0x5e00,
};

size_t FakeMembers::index_of(NodeId id) const {
    const NodeId base = id & ~NodeId{0xff};
    const auto at = std::find(std::begin(kIds), std::end(kIds), base);
    if (at == std::end(kIds)) return SIZE_MAX;
    return static_cast<size_t>(at - std::begin(kIds)) + 32 * (id & 0xff);
}

size_t FakeMembers::add(uint64_t cluster_id) {
    const size_t node = nodes_.size();
    nodes_.emplace_back();
    nodes_[node].cluster_id = cluster_id;
    for (auto& row : cuts_) row.push_back(false);
    cuts_.emplace_back(nodes_.size(), false);
    start(node);
    return node;
}

void FakeMembers::start(size_t index) {
    Node& node = nodes_[index];
    node.monotonic_origin_ms = static_cast<int64_t>(rng_.below(1'000'000));
    MemberFacts self;
    self.id = id_of(index);
    self.cluster_id = node.cluster_id;
    self.actor = rng_.next();
    self.bus = {fmt::format("10.0.0.{}", index % 250), 16379};
    self.client = {self.bus.host, 6379};
    self.vnodes = 16;
    self.started_ms = now_at(index).wall_ms;
    node.core = std::make_unique<Membership>(self, settings_, rng_.next());
    node.up = true;
    node.paused = false;
    node.next_tick_ms = now_ms_ + 1 + static_cast<int64_t>(rng_.below(kTickMs));
}

Membership::Now FakeMembers::now_at(size_t node) const {
    return {now_ms_ + nodes_[node].monotonic_origin_ms, kWall + now_ms_ + nodes_[node].wall_offset_ms};
}

void FakeMembers::meet(size_t a, size_t b) {
    at(a).on_contact(id_of(b), now_at(a));
    at(b).on_contact(id_of(a), now_at(b));
    collect(a);
    collect(b);
}

void FakeMembers::form(size_t count) {
    const Net wanted = std::exchange(net, Net{});
    while (nodes_.size() < count) add();
    for (size_t i = 1; i < count; ++i) meet(0, i);
    TORC_CHECK(run_until([&] { return all_alive(); }, 10'000));
    run(2000);
    TORC_CHECK(all_alive());
    net = wanted;
    clear_events();
}

void FakeMembers::run(int64_t for_ms) {
    for (const int64_t end = now_ms_ + for_ms; now_ms_ < end;) step();
}

bool FakeMembers::run_until(const std::function<bool()>& done, int64_t most_ms) {
    for (const int64_t end = now_ms_ + most_ms; !done(); step()) {
        if (now_ms_ >= end) return false;
    }
    return true;
}

void FakeMembers::step() {
    ++now_ms_;
    std::vector<Parcel> parcels = std::exchange(due_[static_cast<size_t>(now_ms_) % due_.size()], {});
    for (Parcel& parcel : parcels) {
        Node& node = nodes_[parcel.to];
        if (!node.up || node.run != parcel.run) continue;
        if (node.paused) {
            node.backlog.emplace_back(parcel.from, std::move(parcel.payload));
            continue;
        }
        node.core->on_message(parcel.from, parcel.payload, now_at(parcel.to));
        collect(parcel.to);
    }
    for (size_t i = 0; i < nodes_.size(); ++i) {
        Node& node = nodes_[i];
        if (!node.up || node.paused || now_ms_ < node.next_tick_ms) continue;
        node.next_tick_ms = now_ms_ + kTickMs;
        node.core->on_tick(now_at(i));
        collect(i);
    }
}

void FakeMembers::collect(size_t from) {
    for (Outgoing& out : at(from).take_outgoing()) {
        ++messages;
        largest_payload = std::max(largest_payload, out.payload.size());
        const size_t to = index_of(out.to);
        if (to >= nodes_.size() || cuts_[from][to] || rng_.below(100) < net.loss_percent) continue;
        const auto spread = static_cast<uint64_t>(net.delay_max_ms - net.delay_min_ms + 1);
        const int64_t at_ms = now_ms_ + net.delay_min_ms + static_cast<int64_t>(rng_.below(spread));
        TORC_CHECK(at_ms - now_ms_ < static_cast<int64_t>(due_.size()) && at_ms > now_ms_);
        due_[static_cast<size_t>(at_ms) % due_.size()].push_back(
            {to, nodes_[to].run, id_of(from), std::move(out.payload)});
    }
    for (MembershipEvent& event : at(from).take_events())
        events_.push_back({now_ms_, from, std::move(event)});
}

void FakeMembers::crash(size_t node) {
    nodes_[node].up = false;
    ++nodes_[node].run;
}

void FakeMembers::restart(size_t node, size_t contact) {
    if (nodes_[node].up) crash(node);
    nodes_[node].backlog.clear();
    start(node);
    meet(node, contact);
}

void FakeMembers::pause(size_t node) {
    nodes_[node].paused = true;
}

void FakeMembers::resume(size_t node) {
    nodes_[node].paused = false;
    for (auto& [from, payload] : std::exchange(nodes_[node].backlog, {})) {
        nodes_[node].core->on_message(from, payload, now_at(node));
        collect(node);
    }
}

void FakeMembers::cut_both(size_t a, size_t b) {
    cut(a, b);
    cut(b, a);
}

void FakeMembers::heal() {
    for (auto& row : cuts_) row.assign(row.size(), false);
}

bool FakeMembers::sees(size_t of, size_t subject, Liveness liveness) {
    const Member* member = view(of, subject);
    return member != nullptr && member->liveness == liveness;
}

bool FakeMembers::all_alive() {
    for (size_t of = 0; of < nodes_.size(); ++of) {
        if (!nodes_[of].up) continue;
        for (size_t subject = 0; subject < nodes_.size(); ++subject) {
            if (subject != of && nodes_[subject].up && !sees(of, subject, Liveness::alive)) return false;
        }
    }
    return true;
}

std::vector<FakeMembers::Seen> FakeMembers::events(MembershipEvent::Kind kind) const {
    std::vector<Seen> found;
    for (const Seen& seen : events_) {
        if (seen.event.kind == kind) found.push_back(seen);
    }
    return found;
}

std::string FakeMembers::story() const {
    static constexpr const char* kWords[] = {"joined", "suspected", "down", "alive again", "left", "changed"};
    std::string text;
    const size_t first = events_.size() > 60 ? events_.size() - 60 : 0;
    for (size_t i = first; i < events_.size(); ++i) {
        const Seen& seen = events_[i];
        text += fmt::format("{:>8} node {} {} {}: {}\n", seen.at_ms, seen.by,
                            kWords[static_cast<size_t>(seen.event.kind)], index_of(seen.event.id),
                            seen.event.text);
    }
    return text;
}

}  // namespace torc

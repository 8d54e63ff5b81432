// A cluster of agreement cores under one seed: messages get lost, doubled and overtaken, nodes crash and come
// back from what they saved, saves fail, nodes are cut off from each other. After every input it checks that
// no two different rings have one epoch, and that no epoch was left out.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "cluster/agreement_state.h"
#include "cluster/ring_agreement.h"
#include "cluster/step_verdict.h"

namespace torc {

/// What a node saved; fails when told to.
class AgreementStorage final : public RingAgreement::Storage {
  public:
    Result<std::string> load() override { return bytes; }
    Result<void> save(std::string_view next) override {
        ++saves;
        if (on_save) on_save();
        if (fail_at != 0 && (saves == fail_at || (sticky && saves > fail_at))) {
            if (failed_save_stays) bytes = next;
            return fail(ErrorKind::io, "cluster-ring: Input/output error");
        }
        bytes = next;
        return {};
    }
    std::string bytes;
    uint64_t saves = 0;
    uint64_t fail_at = 0;
    bool sticky = false;
    bool failed_save_stays = false;  // the bytes are there all the same
    std::function<void()> on_save;
};

class AgreementCluster {
  public:
    using Event = RingAgreement::Event;
    struct Faults {
        uint64_t loss_percent = 0;
        uint64_t duplicate_percent = 0;
        int64_t longest_delay_ms = 5;
    };
    struct Ended {
        Event::Kind kind;
        std::string text;
    };
    struct Node {
        AgreementStorage storage;
        std::unique_ptr<RingAgreement> core;  // null: down
        unsigned side = 0;                    // of the partition
        std::map<uint64_t, std::optional<Ended>> wishes;
        RingState seen;  // when last looked at
    };

    explicit AgreementCluster(uint64_t seed) : rng(seed) {}

    static RingMember member(NodeId id) { return {id, "dc", "rack" + std::to_string(id % 2), 2}; }

    // ---- nodes
    Node& start(NodeId id) {
        Node& node = nodes[id];
        node.core = std::make_unique<RingAgreement>(id, node.storage, settings, rng.next());
        const auto opened = node.core->open();
        EXPECT_TRUE(opened) << opened.error().message;
        observe(id);
        return node;
    }
    /// What it sent already stays under way; its wishes are gone.
    void crash(NodeId id) {
        nodes[id].core.reset();
        nodes[id].wishes.clear();
    }
    RingAgreement& core(NodeId id) { return *nodes.at(id).core; }
    const RingState& ring(NodeId id) { return core(id).ring(); }
    bool up(NodeId id) { return nodes[id].core != nullptr; }

    /// Members 1 .. count, all knowing the ring.
    void form(NodeId count, uint64_t cluster_id = 4711) {
        RingState ring = formed(count);
        ring.cluster_id = cluster_id;
        AgreementState state;
        state.ring = ring;
        for (NodeId id = 1; id <= count; ++id) {
            nodes[id].storage.bytes = encode_agreement_state(state);
            start(id);
        }
    }
    /// Made once per count: choosing tokens takes a while.
    static const RingState& formed(NodeId count) {
        static std::map<NodeId, RingState> rings;
        if (!rings.contains(count)) {
            rings[count] = count == 1 ? found_ring(1, 3, member(1))
                                      : *finish_move(*begin_join(formed(count - 1), member(count)));
        }
        return rings[count];
    }

    // ---- steps
    static RingStep join(NodeId id) { return {RingStep::Kind::join, member(id), 0, 0, 0}; }
    static RingStep leave(NodeId id) { return {RingStep::Kind::leave, {}, id, 0, 0}; }
    static RingStep replace(NodeId id, NodeId dead) {
        return {RingStep::Kind::replace, member(id), dead, 0, 0};
    }
    static RingStep remove(NodeId id) { return {RingStep::Kind::force_remove, {}, id, 0, 0}; }
    static RingStep replication(uint32_t n) { return {RingStep::Kind::set_replication, {}, 0, 0, n}; }
    RingStep finish(NodeId seen_by) { return {RingStep::Kind::finish, {}, 0, ring(seen_by).epoch, 0}; }
    RingStep abort(NodeId seen_by) { return {RingStep::Kind::abort, {}, 0, ring(seen_by).epoch, 0}; }

    uint64_t propose(NodeId by, const RingStep& step) {
        const uint64_t number = core(by).propose(step, now_ms);
        nodes[by].wishes[number];
        collect(by);
        return number;
    }
    /// Proposes and runs until it has ended.
    Ended wish(NodeId by, const RingStep& step) {
        const uint64_t number = propose(by, step);
        for (int i = 0; i < 5000 && !nodes[by].wishes[number]; ++i) run(10);
        return nodes[by].wishes[number].value_or(Ended{Event::Kind::adopted, "never ended"});
    }

    // ---- time and messages
    void run(int64_t ms) {
        for (const int64_t until = now_ms + ms; now_ms < until;) {
            now_ms += 5;
            deliver_due();
            for (auto& [id, node] : nodes) {
                if (node.core) node.core->on_tick(now_ms);
                collect(id);
            }
            if (gossips && now_ms % 100 == 0) gossip();
        }
    }
    /// Hands everything that core `id` wants sent to the network, and looks at what it says.
    void collect(NodeId id) {
        Node& node = nodes[id];
        if (!node.core) return;
        for (Event& event : node.core->take_events()) {
            if (event.kind == Event::Kind::adopted) {
                observe(id);
                continue;
            }
            auto wish = node.wishes.find(event.wish);
            if (wish == node.wishes.end()) continue;  // of the run before a crash within an input
            EXPECT_FALSE(wish->second) << "a wish ended twice";
            wish->second = Ended{event.kind, event.text};
        }
        for (Outgoing& out : node.core->take_outgoing()) post(id, std::move(out));
    }
    void gossip() {
        for (auto& [id, node] : nodes) {
            const NodeId peer = pick(id);
            if (!node.core || peer == 0 || !reaches(peer, id)) continue;
            node.core->on_epoch_heard(peer, ring(peer).cluster_id, ring(peer).epoch, now_ms);
            collect(id);
        }
    }
    void heal() {
        faults = {};
        for (auto& [id, node] : nodes) {
            node.side = 0;
            node.storage.fail_at = 0;
            if (!node.core) start(id);
        }
    }

    Rng rng;
    int64_t now_ms = 1000;
    Faults faults;
    bool gossips = true;
    bool forced = false;  // steps without a majority break the rule of one ring per epoch, until they meet
    RingAgreement::Settings settings;
    std::map<NodeId, Node> nodes;
    /// Called with each message before it's handed over; true: it's lost.
    std::function<bool(NodeId from, NodeId to, const std::string& payload)> intercept;
    std::function<void(NodeId to)> after_delivery;              // before the outputs are collected
    std::map<std::pair<uint64_t, uint64_t>, RingState> chosen;  // (cluster, epoch)
    uint64_t delivered = 0;

  private:
    struct Flight {
        NodeId from;
        NodeId to;
        std::string payload;
    };

    bool reaches(NodeId a, NodeId b) { return up(a) && up(b) && nodes[a].side == nodes[b].side; }
    NodeId pick(NodeId other_than) {
        if (nodes.size() < 2) return 0;
        auto at = nodes.begin();
        std::advance(at, rng.below(nodes.size()));
        return at->first == other_than ? 0 : at->first;
    }
    void post(NodeId from, Outgoing out) {
        EXPECT_NE(out.to, from);
        if (rng.below(100) < faults.duplicate_percent) fly({from, out.to, out.payload});
        if (rng.below(100) >= faults.loss_percent) fly({from, out.to, std::move(out.payload)});
    }
    void fly(Flight flight) {
        const auto delay = static_cast<int64_t>(rng.below(static_cast<uint64_t>(faults.longest_delay_ms)));
        flights.emplace(now_ms + 1 + delay, std::move(flight));
    }
    void deliver_due() {
        while (!flights.empty() && flights.begin()->first <= now_ms) {
            const Flight flight = std::move(flights.begin()->second);
            flights.erase(flights.begin());
            if (!nodes.contains(flight.to) || !reaches(flight.from, flight.to)) continue;
            if (intercept && intercept(flight.from, flight.to, flight.payload)) continue;
            ++delivered;
            core(flight.to).on_message(flight.from, flight.payload, now_ms);
            if (after_delivery) after_delivery(flight.to);
            collect(flight.to);
        }
    }
    void observe(NodeId id) {
        const RingState& now = ring(id);
        if (now.cluster_id == 0 || forced) return;
        // The first one seen has none before it, and a single voter may take several steps at once.
        const auto any = chosen.lower_bound({now.cluster_id, 0});
        const bool first = any == chosen.end() || any->first.first != now.cluster_id;
        const bool alone = ring_voters(nodes[id].seen).size() == 1 || ring_voters(now).size() == 1;
        const auto [known, is_new] = chosen.emplace(std::pair(now.cluster_id, now.epoch), now);
        EXPECT_EQ(known->second, now) << "two rings with epoch " << now.epoch;
        if (is_new && !first && !alone) {
            EXPECT_TRUE(chosen.contains({now.cluster_id, now.epoch - 1})) << "before epoch " << now.epoch;
        }
        nodes[id].seen = now;
    }

    std::multimap<int64_t, Flight> flights;
};

}  // namespace torc

// Many membership cores in one thread under one seed: a net that loses, delays and cuts, nodes that crash,
// restart and stand still, wall clocks that are wrong, and time that runs as fast as it can.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "cluster/membership.h"

namespace torc {

class FakeMembers {
  public:
    struct Net {
        unsigned loss_percent = 0;
        int64_t delay_min_ms = 1;
        int64_t delay_max_ms = 3;
    };
    struct Seen {
        int64_t at_ms = 0;
        size_t by = 0;
        MembershipEvent event;
    };

    explicit FakeMembers(uint64_t seed, Membership::Settings settings = {})
        : settings_(settings), rng_(seed) {}

    /// Starts a node of the given ring; it knows nobody.
    size_t add(uint64_t cluster_id = 7);
    /// `count` nodes that have met, and time for all to know all.
    void form(size_t count);
    void meet(size_t a, size_t b);
    void run(int64_t for_ms);
    /// Until `done`, looked at after each millisecond; false when it takes longer.
    bool run_until(const std::function<bool()>& done, int64_t most_ms);

    void crash(size_t node);
    /// A new run that knows nobody but `contact`. Keeps nothing but its id.
    void restart(size_t node, size_t contact);
    void pause(size_t node);
    void resume(size_t node);  // what was sent to it meanwhile arrives now
    void cut(size_t from, size_t to) { cuts_[from][to] = true; }
    void cut_both(size_t a, size_t b);
    void heal();
    void shift_wall(size_t node, int64_t by_ms) { nodes_[node].wall_offset_ms += by_ms; }

    Net net;
    Membership& at(size_t node) { return *nodes_[node].core; }
    Membership::Now now_at(size_t node) const;
    static NodeId id_of(size_t node) { return kIds[node % 32] + (node / 32); }
    const Member* view(size_t of, size_t subject) { return at(of).find(id_of(subject)); }
    bool sees(size_t of, size_t subject, Liveness liveness);
    bool all_alive();
    int64_t now_ms() const { return now_ms_; }
    size_t size() const { return nodes_.size(); }
    /// All events of a kind since the last clear_events().
    std::vector<Seen> events(MembershipEvent::Kind kind) const;
    void clear_events() { events_.clear(); }
    /// For messages: what happened, line by line.
    std::string story() const;

    uint64_t messages = 0;
    size_t largest_payload = 0;

  private:
    static const NodeId kIds[32];
    static constexpr int64_t kTickMs = 50;
    static constexpr int64_t kWall = 1'700'000'000'000;
    struct Node {
        std::unique_ptr<Membership> core;
        uint64_t cluster_id = 0;
        bool up = true;
        bool paused = false;
        uint64_t run = 1;
        int64_t wall_offset_ms = 0;
        int64_t monotonic_origin_ms = 0;
        int64_t next_tick_ms = 0;
        std::vector<std::pair<NodeId, std::string>> backlog;
    };
    struct Parcel {
        size_t to = 0;
        uint64_t run = 0;
        NodeId from = 0;
        std::string payload;
    };

    void start(size_t node);
    void step();
    void collect(size_t node);
    size_t index_of(NodeId id) const;

    Membership::Settings settings_;
    Rng rng_;
    int64_t now_ms_ = 1000;
    std::vector<Node> nodes_;
    std::vector<std::vector<bool>> cuts_;
    std::vector<std::vector<Parcel>> due_ = std::vector<std::vector<Parcel>>(1024);  // by millisecond, a ring
    std::vector<Seen> events_;
};

}  // namespace torc

// The cluster half of a node that runs beside its workers: who is a member and alive, what the ring is, and
// what this node does about it (asks to be let in, finishes and aborts moves, tells workers what changed).
//
//   membership and ring agreement are cores; this feeds them frames and ticks, carries their messages, and
//   publishes a new Topology whenever something changed
//
// Control frames: u8 what, then the core's payload:
//   1 membership   2 agreement   3 request: u8 kind (RequestKind), a ring member, u64 node   4 take over
//
// Thread rule: the control thread, except submit(), identity() and status().
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/disk.h"
#include "base/time.h"
#include "cluster/cluster_file.h"
#include "cluster/membership.h"
#include "cluster/ring_agreement.h"
#include "node/bus.h"
#include "node/cluster_core.h"
#include "node/take_over.h"

namespace torc {

class Config;
struct ClusterMove;
struct ClusterSnapshot;

class ControlPlane final : public BusControl, public BusUser {
  public:
    struct Settings {
        std::string directory;
        RingMember self;
        uint32_t replication_factor = 3;
        std::vector<Endpoint> seeds;
        std::string secret;
        NodeId replaces = 0;
        Endpoint bus;  // as announced; an empty host: as others see us
        Endpoint client;
        std::string hostname;
        uint64_t random_seed = 0;
    };

    ControlPlane(ClusterCore& cluster, Disk& disk, const Clock& clock, Settings settings);
    ~ControlPlane() override;

    /// Reads what the directory knows of ring and members. Before anything else.
    Result<void> open();

    // ---- BusControl
    BusIdentity identity() override;
    BusUser& user() override { return *this; }
    void start(BusDialer& dialer, WorkerHost& host) override;
    void on_tick() override;

    // ---- BusUser
    void on_link_up(BusLink& link) override;
    void on_link_down(BusLink& link) override;
    void on_frame(BusLink& link, std::string_view payload) override;

    /// Any thread: the data is loaded. Before that the node keeps silent on the bus, and counts as down.
    void set_ready() { ready_ = true; }

    // ---- any thread: what operators and commands ask for; done at the next tick
    void meet(const Endpoint& bus);
    void drain();
    void forget(NodeId id);
    void force_remove(NodeId id);
    /// Leaves a ring of one; hard: and forgets the other nodes.
    void reset(bool hard);
    /// Null until the first tick.
    std::shared_ptr<const ClusterSnapshot> snapshot() const;
    /// What became of the last thing asked for, and what the node is doing, in words.
    struct Status {
        std::string last;
        bool in_ring = false;
        bool draining = false;
    };
    Status status() const;

  private:
    enum class RequestKind : uint8_t { join = 1, replace = 2, leave = 3, finish = 4, meet = 5 };
    static constexpr uint8_t kRequest = 3;  // `what` of a frame
    struct PeerLinks {
        BusLink* dialled = nullptr;
        BusLink* accepted = nullptr;
        int64_t dialled_ms = 0, accepted_ms = 0;  // wall clock, when they came up
        BusLink* any() const { return dialled != nullptr ? dialled : accepted; }
    };
    /// CLUSTER MEET, under way.
    struct Meeting {
        Endpoint bus;
        NodeId peer = 0;  // 0: not reached yet
        int64_t next_ms = 0, until_ms = 0;
    };

    Membership::Now now() const;
    void run_submitted();
    void submit(std::function<void()> task);
    void send(NodeId to, uint8_t what, std::string_view payload);
    void send_request(NodeId to, RequestKind kind, const RingMember& member, NodeId node);
    void on_request(NodeId from, std::string_view payload);
    void pump();
    void gather();
    void on_ring_adopted();
    bool was_given_up(const RingState& ring) const;
    void on_member_event(const MembershipEvent& event);
    void begin();
    void learn_own_host(const BusLink& link);
    void refresh_facts();
    void seek_ring();
    void tend_meetings();
    bool shares_ring(NodeId peer) const;
    void tend_move();
    void keep_links();
    void publish();
    void save_members();
    void refresh_snapshot();
    void note_foreign_data();
    ClusterMove move_progress(const RingTable& table) const;
    void note(std::string text);
    bool move_is_complete(const RingState& ring) const;
    bool leads() const;

    ClusterCore& cluster_;
    Disk& disk_;
    const Clock& clock_;
    Settings settings_;
    RingFile ring_file_;
    RingAgreement agreement_;
    std::unique_ptr<Membership> membership_;
    TakeOver take_over_;
    BusDialer* dialer_ = nullptr;

    std::map<NodeId, PeerLinks> links_;
    std::map<NodeId, Endpoint> kept_;
    std::vector<Meeting> meetings_;
    uint64_t published_cluster_ = 0;
    uint64_t seen_incarnation_ = 0;
    uint64_t seen_unsettles_ = 0;
    std::string told_unsettled_;
    bool changed_ = true;  // something the topology shows
    bool draining_ = false;
    bool members_changed_ = false;
    std::string saved_places_;  // of the members, as the file has them
    uint64_t seeks_ = 0;
    int64_t next_seek_ms_ = 0, next_tend_ms_ = 0, next_save_ms_ = 0, next_snapshot_ms_ = 0;
    int64_t move_started_ms_ = 0;  // wall clock, when this node first saw it
    uint64_t wish_ = 0;            // under way in the agreement
    int64_t gather_until_ms_ = 0;
    uint64_t wish_of_epoch_ = 0;

    mutable std::mutex mutex_;  // what follows
    std::vector<std::function<void()>> submitted_;
    Status status_;
    std::shared_ptr<const ClusterSnapshot> snapshot_;
    std::shared_ptr<const RingTable> pictured_ring_;  // that snapshot_ shows
    std::atomic<uint64_t> cluster_id_{0};
    std::atomic<bool> ready_{false};
    bool begun_ = false;
};

}  // namespace torc

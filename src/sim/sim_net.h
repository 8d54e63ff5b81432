// The network between simulated nodes, as node/bus.h wants it: links that carry whole frames.
//
// Frames of one link arrive in order and at most once, as over TCP; everything else goes wrong: each link has
// its own delays, so that one overtakes another; a lost packet is a frame that comes late and holds up those
// behind it; links break, and then lose what was under way; a direction between two machines can be cut, and
// is then a silent black hole: what is sent waits, as with TCP's retransmissions, and comes after the
// healing, unless the link breaks meanwhile.
//
// A SimLoop is what a node's event loop is: tasks run on it in turns. Each process has two, for the control
// lane and for the data lane.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "node/bus.h"
#include "node/worker.h"
#include "sim/sim_events.h"
#include "sim/sim_watcher.h"

namespace torc {

class SimLoop;

/// A running process as the net sees it.
class SimStation {
  public:
    virtual ~SimStation() = default;
    virtual BusIdentity identity() = 0;
    /// 0: control, 1: data.
    virtual SimLoop& loop(unsigned lane) = 0;
};

class SimNet {
  public:
    static constexpr uint16_t kBusPort = 17000;

    SimNet(SimEvents& events, uint64_t seed) : events_(events), rng_(seed) {}

    static std::string host_of(unsigned machine) { return "10.0.0." + std::to_string(machine + 1); }

    /// Null: nothing listens there.
    void set_station(unsigned machine, SimStation* station);
    SimStation* station(unsigned machine) const;

    // ---- faults
    /// What `from` sends doesn't reach `to`.
    void cut(unsigned from, unsigned to, bool is_cut);
    bool is_cut(unsigned from, unsigned to) const;
    void heal();
    /// One frame in so many is late by a retransmission or two; 0: none.
    void set_loss(unsigned one_in) { loss_one_in_ = one_in; }
    /// Everything between these two is so much slower.
    void set_clog(unsigned from, unsigned to, int64_t us) { clogs_[{from, to}] = us; }
    /// Breaks one link, wherever it is.
    void break_some_link();

    /// Null: nobody looks on.
    SimWatcher* watcher = nullptr;

    uint64_t frames() const { return frames_; }

    // ---- for loops and links
    struct Connection;
    void connect(SimLoop& from, const Endpoint& to, NodeId expected, std::function<void(bool)> ended);
    void transmit(const std::shared_ptr<Connection>& link, int side, std::string frame);
    /// One side has closed; `silently`: its machine died, and nobody says so for a while.
    void close(const std::shared_ptr<Connection>& link, int side, bool silently);
    SimEvents& events() { return events_; }
    Rng& rng() { return rng_; }

  private:
    struct Packet {
        int64_t arrival_us = 0;
        std::string frame;
        bool end = false;  // of the link
    };
    void break_link(const std::shared_ptr<Connection>& link);
    void push(const std::shared_ptr<Connection>& link, int to_side, Packet packet);
    void deliver(const std::shared_ptr<Connection>& link, int to_side);
    int64_t delay_us(unsigned from, unsigned to);

    SimEvents& events_;
    Rng rng_;
    std::map<unsigned, SimStation*> stations_;
    std::map<std::pair<unsigned, unsigned>, bool> cuts_;
    std::map<std::pair<unsigned, unsigned>, int64_t> clogs_;
    std::vector<std::weak_ptr<Connection>> connections_;
    unsigned loss_one_in_ = 0;
    uint64_t frames_ = 0;
};

/// One event loop of a simulated process, and the dialler of its lane.
class SimLoop final : public WorkerHost, public BusDialer {
  public:
    /// What the machine does with a turn: now, or when it is thawed.
    using Runner = std::function<void(std::function<void()>)>;

    SimLoop(SimNet& net, unsigned machine, unsigned lane, Runner runner);
    ~SimLoop() override;

    /// Before anything comes in.
    void set_user(BusUser& user) { user_ = &user; }
    void set_turn(std::function<void()> begin, std::function<void()> end) {
        begin_turn_ = std::move(begin);
        end_turn_ = std::move(end);
    }
    std::function<int64_t()> disk_delay_us;

    // ---- WorkerHost
    void post(std::function<void()> task) override;
    void run_blocking(std::function<void()> task) override;
    BusDialer* bus_dialer() override { return this; }

    // ---- BusDialer
    void keep_link(NodeId peer, const Endpoint& bus) override;
    void drop_link(NodeId peer) override;
    void dial(const Endpoint& bus) override;

    /// The loop stood still for long: all links go down (server/loop_bus.h).
    void reset_all();
    /// The process is gone: nothing runs any more, and peers see their links break, sooner or later.
    void die(bool silently);

    unsigned machine() const { return machine_; }
    unsigned lane() const { return lane_; }
    std::weak_ptr<bool> lives() const { return alive_; }

    // ---- for the net
    void link_up(const std::shared_ptr<SimNet::Connection>& link, int side);
    void link_frame(const std::shared_ptr<SimNet::Connection>& link, int side, const std::string& frame);
    void link_down(const std::shared_ptr<SimNet::Connection>& link, int side);

  private:
    struct Kept {
        Endpoint bus;
        int64_t wait_us = 0;
        bool dialling = false;
    };
    void want_turn();
    void turn();
    void redial(NodeId peer);

    SimNet& net_;
    const unsigned machine_;
    const unsigned lane_;
    Runner runner_;
    BusUser* user_ = nullptr;
    std::function<void()> begin_turn_, end_turn_;
    std::deque<std::function<void()>> tasks_;
    bool turn_wanted_ = false;
    std::map<NodeId, Kept> kept_;
    std::map<std::pair<NodeId, bool>, std::shared_ptr<SimNet::Connection>> links_;  // peer, dialled
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace torc

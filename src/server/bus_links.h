// The bus links of one loop: who they are announced to, and what happens to them at the end of a turn (output
// is written, reads begin, dead ones are freed). At most one link per peer, lane and direction of dialling:
// of two the newer stays, since the peer made it because the older one is of no use to it.
//
// Thread rule: the loop's.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "node/bus.h"
#include "server/bus_greeting.h"
#include "server/bus_link.h"
#include "server/bus_loop.h"

namespace torc {

class BusLinks {
  public:
    BusLinks(BusLoop& loop, BusCounters& counters);
    ~BusLinks();

    /// Before any link comes.
    void announce_to(BusUser& user) { user_ = &user; }
    /// Called behind BusUser::on_link_down().
    void on_down(std::function<void(TcpBusLink&)> hook) { on_down_ = std::move(hook); }
    /// What a link asks before each frame: has the loop just stood still? Then all links are reset.
    void on_pause_check(std::function<bool()> check) { pause_check_ = std::move(check); }

    /// From a handler, inside a turn. `before_start` sees the link before its first frame does.
    void add(BusConnection connection, const std::function<void(TcpBusLink&)>& before_start = {});
    /// The link to this peer that we dialled; null: none.
    TcpBusLink* dialled_to(NodeId peer) const;
    /// From a handler, inside a turn, not from within a BusUser: all are reset and announced as down.
    void reset_all(std::string_view reason);
    /// As the last thing of a turn.
    void end_turn();
    size_t count() const { return links_.size(); }

    // ---- for links
    BusLoop& loop() { return loop_; }
    BusUser& user() { return *user_; }
    BusCounters& counters() { return counters_; }
    bool notices_pause() { return pause_check_ && pause_check_(); }
    void flush_after_turn(TcpBusLink& link) { flushing_.push_back(&link); }
    void read_after_turn(TcpBusLink& link) { reading_on_.push_back(&link); }
    void on_broken(TcpBusLink& link);

  private:
    void announce_broken();

    BusLoop& loop_;
    BusCounters& counters_;
    BusUser* user_ = nullptr;
    std::function<void(TcpBusLink&)> on_down_;
    std::function<bool()> pause_check_;
    std::vector<std::unique_ptr<TcpBusLink>> links_;  // announced as up, and not yet as down
    std::vector<std::unique_ptr<TcpBusLink>> ended_;  // announced as down; a handler may be under way
    std::vector<TcpBusLink*> broken_;                 // to be announced
    std::vector<TcpBusLink*> flushing_, reading_on_;
    bool announcement_posted_ = false;
};

}  // namespace torc

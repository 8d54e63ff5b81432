// The bus as one loop has it: the links that live here, the dialler of the loop's own lane, and the watch
// over the loop's pauses. A loop that stood still for longer than PauseWatch::kLimitNs resets its links, and
// so discards what it had read from them, before it executes anything: what it would do for its peers is old,
// and they have turned to others.
//
// Thread rule: the loop's, and before the loop runs.
#pragma once

#include <functional>
#include <string>

#include "node/bus.h"
#include "server/asio.h"
#include "server/bus_dialer.h"
#include "server/bus_links.h"
#include "server/bus_loop.h"
#include "server/pause_watch.h"

namespace torc {

class LoopBus {
  public:
    /// `lane`: of the links that are dialled here. `name`: the loop's, for the log.
    LoopBus(BusLoop& loop, std::string name, BusControl& control, BusLane lane);

    /// Before the loop runs.
    void announce_to(BusUser& user) { links_.announce_to(user); }
    /// Called when the loop has stood still, behind the resets.
    void on_pause(std::function<void()> hook) { on_pause_ = std::move(hook); }
    /// When the loop begins to run.
    void start();
    /// A connection that was accepted for this loop. From a handler, inside a turn.
    void adopt(BusConnection connection);
    /// The first thing of a turn, and the last.
    void begin_turn() { notices_pause(); }
    void end_turn() { links_.end_turn(); }
    /// Inside a turn: every link goes down, and none comes up any more.
    void stop();

    BusDialer& dialer() { return dialer_; }
    const BusLinks& links() const { return links_; }

  private:
    bool notices_pause();
    void pulse();

    BusLoop& loop_;
    const std::string name_;
    BusCounters& counters_;
    BusLinks links_;
    TcpBusDialer dialer_;
    PauseWatch watch_;
    LoopTimer pulse_;
    std::function<void()> on_pause_;
    bool stopped_ = false;
};

}  // namespace torc

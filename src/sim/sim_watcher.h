// Who looks on while a simulated cluster runs: what happens to machines and on their links. It only looks; a
// run is the same with and without it.
#pragma once

#include <string_view>

namespace torc {

class SimWatcher {
  public:
    virtual ~SimWatcher() = default;
    /// A process has opened its directory, and nothing else yet.
    virtual void on_start(unsigned machine) = 0;
    /// It dies now; it can still be looked into.
    virtual void on_death(unsigned machine) = 0;
    /// Something ran in it.
    virtual void on_ran(unsigned machine) = 0;
    /// On a data link, as the sender's loop hands the frame over; inside its turn.
    virtual void on_sent(unsigned from, unsigned to, std::string_view frame) = 0;
    /// ... and as the receiver's loop is about to serve it; inside its turn.
    virtual void on_received(unsigned from, unsigned to, std::string_view frame) = 0;
};

}  // namespace torc

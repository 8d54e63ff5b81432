// What the bus needs of the loop that it lives on: an EventLoop or the ControlLoop.
#pragma once

#include "base/time.h"
#include "server/asio.h"

namespace torc {

class BusLoop {
  public:
    virtual ~BusLoop() = default;
    virtual asio::io_context& context() = 0;
    /// First thing in every handler. May find that the loop had stood still, and reset links.
    virtual void enter_turn() = 0;
    virtual const Clock& clock() const { return system_clock(); }
};

}  // namespace torc

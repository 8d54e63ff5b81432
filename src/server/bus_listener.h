// The bus port: accepts, has each caller shake hands, and passes on who proved to be a peer.
//
// Whoever is no peer gets nothing and harms nothing: no byte before a proper hello, a deadline and a bound on
// bytes for the handshake (bus_greeting.h), at most kMaxUnfinished of them. When one more comes, the oldest
// goes: real peers finish within a round trip, so a crowd of silent connections doesn't keep them out.
//
// Thread rule: the loop's.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "node/bus.h"
#include "server/bus_greeting.h"
#include "server/bus_loop.h"
#include "server/listener.h"

namespace torc {

class BusListener {
  public:
    static constexpr size_t kMaxUnfinished = 64;

    /// Called from a handler, inside a turn.
    using Accepted = std::function<void(BusConnection)>;

    BusListener(BusLoop& loop, BusControl& control, Accepted accepted);
    ~BusListener();

    /// Takes the sockets; `options` without a unix socket.
    Result<void> open(const Listener::Options& options);
    void start();
    void close();
    /// Drops the handshakes that are under way.
    void reset();

  private:
    struct Caller;

    void greet(int fd, std::string address);
    void on_greeted(const std::shared_ptr<Caller>& caller, BusGreeting::Outcome outcome);
    void say_refused(const std::string& address, const std::string& failure);

    BusLoop& loop_;
    BusControl& control_;
    Accepted accepted_;
    Listener doors_;
    std::deque<std::shared_ptr<Caller>> callers_;  // the oldest first
    int64_t said_ns_ = 0;
    uint64_t unsaid_ = 0;
};

}  // namespace torc

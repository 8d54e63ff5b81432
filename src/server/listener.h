// The listening sockets. One thread accepts for all loops and gives each connection to the loop that has the
// fewest.
//
// Refused: SO_REUSEPORT with a socket per loop. The kernel then spreads connections by a hash of their
// addresses, so that a few dozen busy ones often share one thread while another idles; unix sockets have no
// such thing; and accepting is nowhere near a bottleneck.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "commands/client_state.h"
#include "server/asio.h"

struct sockaddr_storage;

namespace torc {

class Listener {
  public:
    struct Options {
        /// As `bind`: addresses, "*", "::*"; a leading '-' means that the address may be missing here.
        std::vector<std::string> bind;
        int port = 6379;                      // 0: no TCP
        std::string port_directive = "port";  // which sets it, for messages
        int backlog = 511;
        std::string unix_path;          // "": none
        unsigned unix_permissions = 0;  // 0: as umask leaves it
    };
    /// A connected socket, non-blocking, and the facts about it. The receiver owns both.
    using Accepted = std::function<void(int fd, std::unique_ptr<ClientState> state)>;

    /// Handlers run on `context`'s thread. `keepalive_seconds` is asked for each connection.
    Listener(asio::io_context& context, Accepted accepted, std::function<int()> keepalive_seconds);
    ~Listener();

    /// Binds everything. The error names the address and what to do.
    Result<void> open(const Options& options);
    void start();
    /// Stops accepting and removes the unix socket's file.
    void close();

  private:
    struct Door;

    Result<void> open_tcp(const std::string& address, const Options& options);
    Result<void> open_unix(const Options& options);
    void await(Door& door);
    void accept_all(Door& door);
    void greet(Door& door, int fd, const sockaddr_storage& peer);

    asio::io_context& context_;
    Accepted accepted_;
    std::function<int()> keepalive_seconds_;
    std::list<Door> doors_;
};

}  // namespace torc

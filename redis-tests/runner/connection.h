// One client connection over a plain POSIX socket. Used by one thread.
#pragma once

#include <chrono>
#include <string_view>

#include "reply.h"

namespace redis_tests {

class Connection {
  public:
    using Milliseconds = std::chrono::milliseconds;

    /// Connects to 127.0.0.1. Check connected(): a refused connection is no error here, since servers are
    /// polled while they start.
    explicit Connection(int port);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    bool connected() const { return socket_ >= 0; }

    /// Sends everything, reading replies meanwhile so that neither side can fill up. False when the server
    /// has closed; replies that came before can still be read.
    bool send(std::string_view bytes);

    /// The next reply; an event "closed" or "no reply in time" if there is none.
    Reply read(Milliseconds timeout);

  private:
    enum class Received { bytes, nothing, end };

    Received receive(Milliseconds timeout);

    int socket_ = -1;
    ReplyReader reader_;
};

}  // namespace redis_tests

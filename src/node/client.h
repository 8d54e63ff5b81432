// One connection's commands: bytes in, replies out, whatever stands between. The server's session owns one
// and moves the bytes; nothing here knows a socket. All calls on the connection's own thread, except where
// said.
//
//   session: read into input() -> on_input() -> ... end of loop turn: Worker::end_turn() -> port.send()
//
// A connection executes in order. When a command can't go on (a shard lock held elsewhere, a key only on
// disk, no room in the log, WAIT, CLIENT PAUSE), the client is paused: input() keeps the bytes and paused()
// is true, so the session stops reading; the node calls port.wake() (any thread) and the session then calls
// resume() on the client's own thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/buffer.h"
#include "commands/client_state.h"

namespace torc {

class Worker;
struct ClientCore;

/// The server's side of one connection, as the node sees it.
class ClientPort {
  public:
    virtual ~ClientPort() = default;
    /// Any thread: have Client::resume() called on the client's own thread, soon. Several wakes may become
    /// one.
    virtual void wake() = 0;
    /// Own thread, from Worker::end_turn(): the first Client::sendable() bytes of output() may go. Send what
    /// the socket takes, Client::sent() it, and go on by itself when the socket takes more.
    virtual void send() = 0;
    /// Own thread: close once the sendable output is sent (or at once when `now`).
    virtual void close(bool now) = 0;
};

class Client {
  public:
    /// `state` carries the fixed facts (id is given by the node). Registers with the node.
    Client(Worker& worker, ClientPort& port, std::unique_ptr<ClientState> state);
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    /// Where the session puts what it reads.
    Buffer& input();
    /// Runs as many commands of input() as it can.
    void on_input();
    /// After port.wake(): tries again, delivers pushes, notices CLIENT KILL.
    void resume();
    bool paused() const;
    /// Bytes the session should offer to read at once: small for idle connections, more for busy ones.
    size_t read_size() const;

    /// Replies in order; only the first sendable() bytes may leave (the log has them).
    const Buffer& output() const;
    size_t sendable() const;
    void sent(size_t bytes);
    /// Replies that other nodes are asked for are still to come.
    bool owes_replies() const;

    ClientState& state();

  private:
    std::unique_ptr<ClientCore> core_;
};

}  // namespace torc

// One connection: owns the socket and the node's Client, and moves bytes between them.
//
//   reading   one asynchronous read at a time, straight into Client::input(). The next one begins when the
//   turn's
//             replies have been sent: Asio then tries a read() before it waits, and by that time a busy
//             peer's next request is often there, where an attempt right after the last read would find
//             nothing.
//   paused    no read is under way while the client is paused, or while kUnsentPause bytes of replies wait
//   for
//             a peer that doesn't read: the kernel's window then slows the peer down.
//   writing   Client::output() is sent from Worker::end_turn(), without waiting; what the socket doesn't take
//             goes when it is writable again.
//   ending    close() drops the socket at once or after the last reply; the object itself lives until the
//   loop
//             has ended the turn, and no handler of its own is under way.
//
// While a read is under way its buffer is inside input(): nobody may touch input() then, which holds because
// the node does so only in on_input() and in the resume() of a paused client.
//
// Thread rule: the loop's thread, except wake().
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include "commands/client_state.h"
#include "node/client.h"
#include "server/asio.h"
#include "server/output_limit.h"
#include "server/task_queue.h"

namespace torc {

class EventLoop;

class Session final : public ClientPort, public LoopTask {
  public:
    /// Takes over `fd`: connected and non-blocking.
    Session(EventLoop& loop, int fd, std::unique_ptr<ClientState> state);
    ~Session() override;
    void start();

    void wake() override;
    void send() override;
    void close(bool now) override;

    /// The loop's, when the turn's replies have been sent.
    void read_on();

    /// What wake() asked for.
    void run() override;

    /// Once a second: closes the connection when it has been idle, or above the soft output limit, for too
    /// long.
    void check_limits();
    bool blocked() const { return !ended_ && client_->state().blocked.load(std::memory_order_relaxed); }
    int fd() { return socket_.native_handle(); }

    /// The loop's, after close: drops the client. True when the object may be deleted.
    bool let_go();
    /// Where the loop keeps it.
    size_t place() const { return place_; }
    void set_place(size_t place) { place_ = place; }

  private:
    struct ReadDone;
    struct Writable;

    void arm_read();
    void on_read(const IoError& error, size_t bytes);
    void on_end_of_input();
    bool is_answered() const;
    void after_commands();
    void write_some();
    void await_writable();
    void on_writable(const IoError& error);
    bool over_output_limit();
    void retire_once();

    EventLoop& loop_;
    StreamSocket socket_;
    std::unique_ptr<Client> client_;
    OutputLimitWatch output_watch_;
    size_t place_ = 0;
    bool reading_ = false;
    bool awaiting_turn_end_ = false;
    bool awaiting_writable_ = false;
    bool closing_ = false;  // no more reads; ends when the output is sent
    bool ended_ = false;    // the socket is closed
    bool retired_ = false;  // the loop knows
    std::atomic<bool> wake_under_way_{false};
};

}  // namespace torc

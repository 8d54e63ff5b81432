// Replies that can't be written yet because an earlier one of the same connection waits for other nodes.
// While nothing waits the queue is empty and replies go straight into the output.
//
// A ticket stands for the one reply that somebody else will complete: an operation at other nodes, or its
// deadline. It may outlive the connection; then completing it does nothing. All on the connection's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "base/types.h"

namespace torc {

struct ClientCore;

class ReplyQueue : public std::enable_shared_from_this<ReplyQueue> {
  public:
    explicit ReplyQueue(ClientCore& client) : client_(&client) {}

    bool empty() const { return slots_.empty(); }
    size_t size() const { return slots_.size(); }
    /// So much is to come that the connection's next command waits.
    bool full() const { return slots_.size() >= kMost || bytes_ > kMostBytes; }
    static constexpr size_t kMost = 4096;
    static constexpr size_t kMostBytes = 32u << 20;
    /// A place for a reply to come. `bytes`: kept for whoever completes it with what is there. `muted`: the
    /// client doesn't want it, whatever it will be (CLIENT REPLY).
    uint64_t push_pending(std::string bytes, Lsn seen, Lsn own, bool muted = false);
    void push_ready(std::string bytes, Lsn seen, Lsn own, uint32_t replies);
    /// With the bytes it was pushed with.
    void complete(uint64_t number);
    void complete(uint64_t number, std::string_view bytes);
    /// The connection dies.
    void detach() { client_ = nullptr; }
    ClientCore* client() const { return client_; }

  private:
    struct Slot {
        bool ready = false;
        bool muted = false;
        uint32_t replies = 1;
        Lsn seen = 0, own = 0;
        std::string bytes;
    };
    Slot* at(uint64_t number);
    void drain();

    ClientCore* client_;
    std::deque<Slot> slots_;
    size_t bytes_ = 0;    // in them
    uint64_t first_ = 0;  // number of slots_.front()
};

class ReplyTicket {
  public:
    ReplyTicket() = default;
    ReplyTicket(std::shared_ptr<ReplyQueue> queue, uint64_t number)
        : queue_(std::move(queue)), number_(number) {}

    void complete() const { queue_->complete(number_); }
    void complete(std::string_view bytes) const { queue_->complete(number_, bytes); }
    /// `text` without the leading '-'.
    void fail(std::string_view text) const;
    /// Null when the connection is gone.
    ClientCore* client() const { return queue_ == nullptr ? nullptr : queue_->client(); }

  private:
    std::shared_ptr<ReplyQueue> queue_;
    uint64_t number_ = 0;
};

}  // namespace torc

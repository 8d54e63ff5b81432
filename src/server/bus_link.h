// One TCP connection to a peer, after its handshake: whole frames in and out.
//
//   sending   send() adds the frame to one buffer; the end of the loop's turn writes the whole of it at once.
//             What the socket doesn't take goes when it is writable again. A peer that doesn't read gets its
//             link reset when kMaxQueued bytes wait for it: a quorum goes on with others, and memory is
//             bounded.
//   reading   as a session does: one asynchronous read at a time, the next at the end of the turn; every
//             frame that is whole is handed on.
//   ending    a link breaks at once and is announced as down by a handler of its own, since whoever reset it
//             may be in the midst of something; the object lives until then, and until its last handler is
//             back.
//
// Thread rule: the loop's.
#pragma once

#include <cstdint>
#include <string>

#include "base/buffer.h"
#include "cluster/bus_hello.h"
#include "node/bus.h"
#include "server/asio.h"
#include "server/bus_greeting.h"

namespace torc {

class BusLinks;

class TcpBusLink final : public BusLink {
  public:
    static constexpr size_t kMaxQueued = 128u << 20;

    TcpBusLink(BusLinks& links, BusConnection connection);
    /// Hands on what came behind the handshake, and reads on.
    void start();

    NodeId peer() const override { return peer_; }
    bool dialled() const override { return dialled_; }
    uint16_t version() const override { return version_; }
    std::string peer_host() const override { return peer_host_; }
    std::string own_host() const override { return own_host_; }
    void send(std::string_view payload) override;
    size_t queued_bytes() const override { return output_.size(); }
    void reset() override { break_off("reset by this node"); }

    BusLane lane() const { return lane_; }
    const std::string& address() const { return address_; }
    bool broken() const { return broken_; }
    /// Why it broke.
    const std::string& reason() const { return reason_; }
    void break_off(std::string reason);

    // ---- for BusLinks, at the end of a turn
    void flush();
    void read_on();
    /// True when no handler will come back to this object.
    bool at_rest() const { return !reading_ && !awaiting_writable_; }

  private:
    struct ReadDone;
    struct Writable;

    void on_read(const IoError& error, size_t bytes);
    void hand_on_frames();
    void await_writable();
    void on_writable(const IoError& error);

    BusLinks& links_;
    StreamSocket socket_;
    const NodeId peer_;
    const BusLane lane_;
    const bool dialled_;
    const uint16_t version_;
    const std::string address_;
    std::string peer_host_, own_host_;
    Buffer input_, output_;
    bool reading_ = false;
    bool awaiting_writable_ = false;
    bool flush_wanted_ = false;
    bool broken_ = false;
    std::string reason_;
};

}  // namespace torc

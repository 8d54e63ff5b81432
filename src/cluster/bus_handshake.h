// Opening a bus link: who are you, which versions do you speak, and do you know the cluster's secret. A value
// that you feed bytes; both ends run one.
//
//   dialler                         acceptor
//   hello {versions, ids, lane}  ->
//                                <- hello
//   proof                        ->            the acceptor's end is done here
//                                <- proof      and the dialler's here
//
// A proof is keyed with the secret and covers both hellos, nonces included, and the role of who sends it: it
// can't be made without the secret, doesn't tell it, and is worth nothing on another link, in the other
// direction, or with other versions than were offered. Without a configured secret the key is empty, so a
// node with a secret and one without refuse each other. A stranger who says no proper hello gets no byte.
// This keeps strangers and mixed-up clusters out; it doesn't encrypt what follows, nor protect it from one
// who can change packets under way.
//
// The lane is the dialler's choice; the acceptor's hello repeats it. Data links need both ends in one cluster
// (or one of them in none yet), control links don't: a node joins over them.
#pragma once

#include <string>
#include <string_view>

#include "base/buffer.h"
#include "cluster/bus_hello.h"

namespace torc {

class BusHandshake {
  public:
    enum class State : uint8_t { talking, done, failed };

    /// `self.lane` counts on the dialler's side only. `expected`: the node that was dialled, 0 for anybody.
    BusHandshake(BusRole role, const BusHello& self, std::string secret, NodeId expected = 0);

    /// Call once when the connection stands (the dialler's hello comes out), then whenever bytes arrived.
    /// Consumes what belongs to the handshake, leaves what follows it in `input`; what is to be sent is
    /// appended to `output`, in every state: send it also before closing a failed link, and before the first
    /// frame of one that is done.
    State step(Buffer& input, Buffer& output);

    State state() const { return state_; }
    /// Once done: who it is, and the version to speak. peer().lane is the link's lane at both ends.
    const BusHello& peer() const { return peer_; }
    uint16_t version() const { return version_; }
    /// Once failed: why. `refused_by_peer`: the peer told us so.
    BusRefusal reason() const { return reason_; }
    bool refused_by_peer() const { return refused_by_peer_; }
    std::string failure() const;

  private:
    enum class Awaiting : uint8_t { start, hello, proof, nothing };

    void on_hello(std::string_view payload, Buffer& output);
    void on_proof(std::string_view payload, Buffer& output);
    void send_proof(Buffer& output) const;
    BusProof proof_of(BusRole sender) const;
    void refuse(BusRefusal reason, Buffer& output);

    const BusRole role_;
    BusHello self_;
    const std::string secret_;
    const NodeId expected_;

    State state_ = State::talking;
    Awaiting awaiting_ = Awaiting::start;
    BusHello peer_;
    std::string own_hello_, peer_hello_;  // as sent
    uint16_t version_ = 0;
    BusRefusal reason_ = BusRefusal::none;
    bool refused_by_peer_ = false;
};

}  // namespace torc

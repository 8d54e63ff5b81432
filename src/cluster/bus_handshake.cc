#include "cluster/bus_handshake.h"

#include <openssl/crypto.h>

#include "base/check.h"
#include "cluster/bus_frame.h"

namespace torc {

BusHandshake::BusHandshake(BusRole role, const BusHello& self, std::string secret, NodeId expected)
    : role_(role), self_(self), secret_(std::move(secret)), expected_(expected) {
    TORC_CHECK(self.node != 0 && self.version_min <= self.version_max);
}

BusHandshake::State BusHandshake::step(Buffer& input, Buffer& output) {
    if (awaiting_ == Awaiting::start) {
        awaiting_ = Awaiting::hello;
        if (role_ == BusRole::dialler) {
            own_hello_ = encode_bus_hello(self_);
            append_bus_frame(output, own_hello_);
        }
    }
    while (state_ == State::talking) {
        const BusFrame frame = first_bus_frame(input.view(), kMaxBusHello);
        if (frame.status == BusFrame::Status::incomplete) break;
        if (frame.status == BusFrame::Status::broken) {
            refuse(BusRefusal::malformed, output);
            break;
        }
        if (const auto refusal = decode_bus_refusal(frame.payload)) {
            state_ = State::failed;
            reason_ = *refusal;
            refused_by_peer_ = true;
        } else if (awaiting_ == Awaiting::hello) {
            on_hello(frame.payload, output);
        } else {
            on_proof(frame.payload, output);
        }
        input.consume(frame.size);
    }
    return state_;
}

void BusHandshake::on_hello(std::string_view payload, Buffer& output) {
    const auto hello = decode_bus_hello(payload);
    if (!hello) return refuse(BusRefusal::malformed, output);
    peer_ = *hello;
    peer_hello_ = payload;

    const auto version = common_bus_version(self_, peer_);
    if (!version) return refuse(BusRefusal::version, output);
    version_ = *version;

    if (role_ == BusRole::acceptor) {
        self_.lane = peer_.lane;
    } else if (peer_.lane != self_.lane) {
        return refuse(BusRefusal::malformed, output);
    }
    if (peer_.node == self_.node) return refuse(BusRefusal::myself, output);
    if (expected_ != 0 && peer_.node != expected_) return refuse(BusRefusal::stranger, output);
    const bool two_clusters =
        peer_.cluster_id != 0 && self_.cluster_id != 0 && peer_.cluster_id != self_.cluster_id;
    if (two_clusters && self_.lane != kControlLane) return refuse(BusRefusal::cluster, output);

    if (role_ == BusRole::acceptor) {
        own_hello_ = encode_bus_hello(self_);
        append_bus_frame(output, own_hello_);
    } else {
        send_proof(output);
    }
    awaiting_ = Awaiting::proof;
}

void BusHandshake::on_proof(std::string_view payload, Buffer& output) {
    const auto given = decode_bus_proof(payload);
    if (!given) return refuse(BusRefusal::malformed, output);
    const BusProof right = proof_of(role_ == BusRole::dialler ? BusRole::acceptor : BusRole::dialler);
    if (CRYPTO_memcmp(given->data(), right.data(), right.size()) != 0) {
        return refuse(BusRefusal::secret, output);
    }
    if (role_ == BusRole::acceptor) send_proof(output);
    awaiting_ = Awaiting::nothing;
    state_ = State::done;
}

void BusHandshake::send_proof(Buffer& output) const {
    append_bus_frame(output, encode_bus_proof(proof_of(role_)));
}

BusProof BusHandshake::proof_of(BusRole sender) const {
    const bool dialled = role_ == BusRole::dialler;
    return prove_bus_link(secret_, sender, dialled ? own_hello_ : peer_hello_,
                          dialled ? peer_hello_ : own_hello_);
}

void BusHandshake::refuse(BusRefusal reason, Buffer& output) {
    state_ = State::failed;
    reason_ = reason;
    // Who didn't even greet properly gets no byte.
    if (!peer_hello_.empty()) append_bus_frame(output, encode_bus_refusal(reason));
}

std::string BusHandshake::failure() const {
    std::string text(bus_refusal_text(reason_));
    if (reason_ == BusRefusal::version && !refused_by_peer_) {
        const auto range = [](const BusHello& hello) {
            return std::to_string(hello.version_min) + " to " + std::to_string(hello.version_max);
        };
        text += ": ours are " + range(self_) + ", the peer's " + range(peer_);
    }
    return refused_by_peer_ ? "refused by the peer: " + text : text;
}

}  // namespace torc

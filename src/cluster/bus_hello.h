// The messages that open a bus link, as values. Each is the payload of one bus frame (bus_frame.h):
//
//   hello    u8 1, u32 magic, u16 lowest and u16 highest protocol version, u64 node, u64 cluster,
//            u16 lane, 16 bytes nonce; what a later version appends is ignored, but proven with the rest
//   proof    u8 2, 32 bytes: HMAC-SHA256(secret, role of the sender, dialler's hello, acceptor's hello)
//   refusal  u8 3, u8 reason: the last message of a link that won't be
//
// Type, magic and versions of a hello keep their places for ever, so that any two versions can tell.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/node_id.h"

namespace torc {

inline constexpr uint32_t kBusMagic = 0x43524f54;  // "TORC"
inline constexpr uint16_t kBusVersionMin = 1;
inline constexpr uint16_t kBusVersionMax = 3;
inline constexpr size_t kMaxBusHello = 256;  // payload bytes of any message before the link stands

/// What a link carries: 0 is control, 1 + i is data of the dialler's I/O thread i.
using BusLane = uint16_t;
inline constexpr BusLane kControlLane = 0;

using BusNonce = std::array<uint8_t, 16>;  // from a source that nobody can guess; never used twice
using BusProof = std::array<uint8_t, 32>;

enum class BusRole : uint8_t { dialler = 1, acceptor = 2 };

struct BusHello {
    uint16_t version_min = kBusVersionMin;
    uint16_t version_max = kBusVersionMax;
    NodeId node = 0;          // never 0
    uint64_t cluster_id = 0;  // 0: none yet
    BusLane lane = kControlLane;
    BusNonce nonce{};
    friend bool operator==(const BusHello&, const BusHello&) = default;
};

/// Why a link doesn't come to be. The numbers are on the wire.
enum class BusRefusal : uint8_t {
    none = 0,
    malformed = 1,  // not our protocol, or nonsense in it
    version = 2,    // no protocol version in common
    secret = 3,     // the peer's cluster-secret isn't ours
    myself = 4,     // both ends are the same node
    stranger = 5,   // not the node we dialled
    cluster = 6,    // a data link from or to another cluster
};
/// For the operator.
std::string_view bus_refusal_text(BusRefusal reason);

std::string encode_bus_hello(const BusHello& hello);
/// Nothing when malformed.
std::optional<BusHello> decode_bus_hello(std::string_view payload);

std::string encode_bus_proof(const BusProof& proof);
std::optional<BusProof> decode_bus_proof(std::string_view payload);

std::string encode_bus_refusal(BusRefusal reason);
/// Nothing when it isn't one; reasons that we don't know read as malformed.
std::optional<BusRefusal> decode_bus_refusal(std::string_view payload);

/// What `sender` proves with; both hellos as they were sent.
BusProof prove_bus_link(std::string_view secret, BusRole sender, std::string_view dialler_hello,
                        std::string_view acceptor_hello);

/// The highest version that both speak.
std::optional<uint16_t> common_bus_version(const BusHello& a, const BusHello& b);

}  // namespace torc

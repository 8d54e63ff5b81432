#include "cluster/bus_hello.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/coding.h"

namespace torc {
namespace {

enum class MessageType : uint8_t { hello = 1, proof = 2, refusal = 3 };

constexpr size_t kHelloBytes = 1 + 4 + 2 + 2 + 8 + 8 + 2 + 16;
constexpr size_t kProofBytes = 1 + 32;
static_assert(kHelloBytes <= kMaxBusHello);

/// Keeps our use of the secret apart from any other.
constexpr std::string_view kProofContext = "torc bus link proof 1";

bool is_type(std::string_view payload, MessageType type) {
    return !payload.empty() && static_cast<uint8_t>(payload[0]) == static_cast<uint8_t>(type);
}

}  // namespace

std::string_view bus_refusal_text(BusRefusal reason) {
    switch (reason) {
        case BusRefusal::none:
            return "nothing is wrong";
        case BusRefusal::malformed:
            return "not the protocol of the cluster bus";
        case BusRefusal::version:
            return "no version of the bus protocol in common";
        case BusRefusal::secret:
            return "a different cluster-secret";
        case BusRefusal::myself:
            return "both ends are the same node";
        case BusRefusal::stranger:
            return "another node than was dialled";
        case BusRefusal::cluster:
            return "the two nodes are in different clusters";
    }
    return "unknown reason";
}

std::string encode_bus_hello(const BusHello& hello) {
    std::string out;
    out.reserve(kHelloBytes);
    append_le(out, static_cast<uint8_t>(MessageType::hello));
    append_le(out, kBusMagic);
    append_le(out, hello.version_min);
    append_le(out, hello.version_max);
    append_le(out, hello.node);
    append_le(out, hello.cluster_id);
    append_le(out, hello.lane);
    out.append(reinterpret_cast<const char*>(hello.nonce.data()), hello.nonce.size());
    return out;
}

std::optional<BusHello> decode_bus_hello(std::string_view payload) {
    if (payload.size() < kHelloBytes || payload.size() > kMaxBusHello) return std::nullopt;
    if (!is_type(payload, MessageType::hello)) return std::nullopt;
    const char* at = payload.data();
    if (load_le<uint32_t>(at + 1) != kBusMagic) return std::nullopt;
    BusHello hello;
    hello.version_min = load_le<uint16_t>(at + 5);
    hello.version_max = load_le<uint16_t>(at + 7);
    hello.node = load_le<uint64_t>(at + 9);
    hello.cluster_id = load_le<uint64_t>(at + 17);
    hello.lane = load_le<uint16_t>(at + 25);
    std::memcpy(hello.nonce.data(), at + 27, hello.nonce.size());
    if (hello.node == 0 || hello.version_min > hello.version_max) return std::nullopt;
    return hello;
}

std::string encode_bus_proof(const BusProof& proof) {
    std::string out(1, static_cast<char>(MessageType::proof));
    out.append(reinterpret_cast<const char*>(proof.data()), proof.size());
    return out;
}

std::optional<BusProof> decode_bus_proof(std::string_view payload) {
    if (payload.size() != kProofBytes || !is_type(payload, MessageType::proof)) return std::nullopt;
    BusProof proof;
    std::memcpy(proof.data(), payload.data() + 1, proof.size());
    return proof;
}

std::string encode_bus_refusal(BusRefusal reason) {
    return {static_cast<char>(MessageType::refusal), static_cast<char>(reason)};
}

std::optional<BusRefusal> decode_bus_refusal(std::string_view payload) {
    if (payload.size() != 2 || !is_type(payload, MessageType::refusal)) return std::nullopt;
    const auto reason = static_cast<uint8_t>(payload[1]);
    if (reason == 0 || reason > static_cast<uint8_t>(BusRefusal::cluster)) return BusRefusal::malformed;
    return static_cast<BusRefusal>(reason);
}

BusProof prove_bus_link(std::string_view secret, BusRole sender, std::string_view dialler_hello,
                        std::string_view acceptor_hello) {
    // Lengths before bytes: no two different conversations may look alike.
    std::string said(kProofContext);
    append_le(said, static_cast<uint8_t>(sender));
    append_le(said, static_cast<uint32_t>(dialler_hello.size()));
    said += dialler_hello;
    append_le(said, static_cast<uint32_t>(acceptor_hello.size()));
    said += acceptor_hello;

    const std::string key(secret);  // never a null pointer, which would mean "the key of the call before"
    BusProof proof;
    unsigned length = 0;
    const auto* digest =
        HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(said.data()), said.size(), proof.data(), &length);
    TORC_CHECK(digest != nullptr && length == proof.size());
    return proof;
}

std::optional<uint16_t> common_bus_version(const BusHello& a, const BusHello& b) {
    const uint16_t highest = std::min(a.version_max, b.version_max);
    if (highest < std::max(a.version_min, b.version_min)) return std::nullopt;
    return highest;
}

}  // namespace torc

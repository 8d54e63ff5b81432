#include "cluster/bus_hello.h"

#include <gtest/gtest.h>

#include <set>

#include "base/coding.h"
#include "base/rng.h"

namespace torc {
namespace {

BusHello a_hello() {
    BusHello hello{
        .version_min = 2, .version_max = 7, .node = 0x1122334455667788, .cluster_id = 99, .lane = 3};
    for (size_t i = 0; i < hello.nonce.size(); ++i) hello.nonce[i] = static_cast<uint8_t>(200 + i);
    return hello;
}

std::string hex(const BusProof& proof) {
    std::string out;
    for (const uint8_t byte : proof) {
        out += "0123456789abcdef"[byte >> 4];
        out += "0123456789abcdef"[byte & 15];
    }
    return out;
}

TEST(BusHello, ComesBackAsItWas) {
    const std::string bytes = encode_bus_hello(a_hello());
    EXPECT_EQ(decode_bus_hello(bytes), a_hello());
    EXPECT_EQ(load_le<uint32_t>(bytes.data() + 1), kBusMagic);
    EXPECT_EQ(bytes.substr(1, 4), "TORC");
}

TEST(BusHello, ALaterVersionMayAppend) {
    EXPECT_EQ(decode_bus_hello(encode_bus_hello(a_hello()) + "more"), a_hello());
    EXPECT_FALSE(decode_bus_hello(encode_bus_hello(a_hello()) + std::string(kMaxBusHello, 'x')));
}

TEST(BusHello, NonsenseIsRefused) {
    const std::string good = encode_bus_hello(a_hello());
    for (size_t n = 0; n < good.size(); ++n) EXPECT_FALSE(decode_bus_hello(good.substr(0, n))) << n;
    for (size_t i = 0; i < 5; ++i) {  // type and magic
        std::string bad = good;
        bad[i] = static_cast<char>(bad[i] ^ 1);
        EXPECT_FALSE(decode_bus_hello(bad)) << i;
    }
    BusHello hello = a_hello();
    hello.node = 0;
    EXPECT_FALSE(decode_bus_hello(encode_bus_hello(hello)));
    hello = a_hello();
    hello.version_min = 8;
    EXPECT_FALSE(decode_bus_hello(encode_bus_hello(hello)));
}

TEST(BusHello, ProofsAndRefusals) {
    BusProof proof;
    proof.fill(7);
    const std::string bytes = encode_bus_proof(proof);
    EXPECT_EQ(decode_bus_proof(bytes), proof);
    EXPECT_FALSE(decode_bus_proof(bytes.substr(0, bytes.size() - 1)));
    EXPECT_FALSE(decode_bus_proof(bytes + "x"));
    EXPECT_FALSE(decode_bus_proof(encode_bus_hello(a_hello())));
    EXPECT_FALSE(decode_bus_proof(""));

    for (const BusRefusal reason : {BusRefusal::malformed, BusRefusal::version, BusRefusal::secret,
                                    BusRefusal::myself, BusRefusal::stranger, BusRefusal::cluster}) {
        EXPECT_EQ(decode_bus_refusal(encode_bus_refusal(reason)), reason);
    }
    EXPECT_EQ(decode_bus_refusal("\x03\x7f"), BusRefusal::malformed) << "a later version's reason";
    EXPECT_EQ(decode_bus_refusal(std::string("\x03\x00", 2)), BusRefusal::malformed) << "none is no reason";
    EXPECT_FALSE(decode_bus_refusal("\x03"));
    EXPECT_FALSE(decode_bus_refusal(""));
}

TEST(BusHello, AProofCoversEverything) {
    std::set<std::string> proofs;
    size_t made = 0;
    const auto add = [&](std::string_view secret, BusRole role, std::string_view d, std::string_view a) {
        proofs.insert(hex(prove_bus_link(secret, role, d, a)));
        ++made;
    };
    add("s", BusRole::dialler, "dd", "aa");
    add("s", BusRole::acceptor, "dd", "aa");
    add("t", BusRole::dialler, "dd", "aa");
    add("", BusRole::dialler, "dd", "aa");
    add("s", BusRole::dialler, "aa", "dd");
    add("s", BusRole::dialler, "dda", "a");
    add("s", BusRole::dialler, "d", "daa");
    EXPECT_EQ(proofs.size(), made);
    EXPECT_EQ(prove_bus_link("s", BusRole::dialler, "d", "a"),
              prove_bus_link("s", BusRole::dialler, "d", "a"));
}

// A proof is part of the protocol: nodes of different builds must agree. Taken with an independent HMAC.
TEST(BusHello, AProofIsTheSameEverywhere) {
    EXPECT_EQ(hex(prove_bus_link("secret", BusRole::dialler, "hello of d", "hello of a")),
              "bcca8e8f3217cc79576be7b84901bb2225b6069e78726ac654d183651079f819");
    EXPECT_EQ(hex(prove_bus_link("", BusRole::acceptor, "hello of d", "hello of a")),
              "a293df8f3c4acad90907ba067030cf85893301ee6b778ef8a77c15d4b3b3abe1");
}

TEST(BusHello, TheHighestCommonVersion) {
    const auto common = [](uint16_t a_min, uint16_t a_max, uint16_t b_min, uint16_t b_max) {
        const BusHello a{.version_min = a_min, .version_max = a_max},
            b{.version_min = b_min, .version_max = b_max};
        EXPECT_EQ(common_bus_version(a, b), common_bus_version(b, a));
        return common_bus_version(a, b);
    };
    EXPECT_EQ(common(1, 1, 1, 1), 1);
    EXPECT_EQ(common(1, 4, 2, 9), 4);
    EXPECT_EQ(common(3, 3, 1, 9), 3);
    EXPECT_EQ(common(1, 2, 2, 3), 2);
    EXPECT_EQ(common(1, 2, 3, 4), std::nullopt);
}

TEST(BusHello, RandomBytesHarmNothing) {
    constexpr uint64_t kSeed = 5;
    Rng rng(kSeed);
    const std::string good = encode_bus_hello(a_hello());
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes(rng.below(80), '\0');
        for (char& c : bytes) c = static_cast<char>(rng.next());
        if (rng.one_in(2)) bytes = good.substr(0, 5) + bytes;
        if (const auto hello = decode_bus_hello(bytes)) {
            EXPECT_NE(hello->node, 0u);
            EXPECT_LE(hello->version_min, hello->version_max) << "seed " << kSeed << ", round " << round;
        }
        (void)decode_bus_proof(bytes);
        (void)decode_bus_refusal(bytes);
    }
}

}  // namespace
}  // namespace torc

#include "cluster/bus_handshake.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "base/rng.h"
#include "cluster/bus_frame.h"

namespace torc {
namespace {

using State = BusHandshake::State;

constexpr NodeId kDialler = 0xd1, kAcceptor = 0xac;

BusHello hello_of(NodeId node, uint8_t nonce, BusLane lane = kControlLane) {
    BusHello hello{.node = node, .lane = lane};
    hello.nonce.fill(nonce);
    return hello;
}

/// One end with its buffers.
struct End {
    End(BusRole role, const BusHello& self, std::string secret = "pass", NodeId expected = 0)
        : handshake(role, self, std::move(secret), expected) {}

    State step() { return handshake.step(input, output); }
    State give(std::string_view bytes) {
        input.append(bytes);
        return step();
    }
    std::string take() {
        std::string bytes(output.view());
        output.clear();
        return bytes;
    }

    BusHandshake handshake;
    Buffer input, output;
};

End dialler(uint8_t nonce = 1, std::string secret = "pass") {
    return {BusRole::dialler, hello_of(kDialler, nonce), std::move(secret)};
}
End acceptor(uint8_t nonce = 2, std::string secret = "pass") {
    return {BusRole::acceptor, hello_of(kAcceptor, nonce), std::move(secret)};
}

/// Lets both talk until nobody has more to say; bytes pass `piece` at a time.
void talk(End& a, End& b, size_t piece = 1 << 20) {
    a.step();
    b.step();
    const auto pass = [piece](End& from, End& to) {
        std::string bytes = from.take();
        for (size_t at = 0; at < bytes.size(); at += piece) to.give(bytes.substr(at, piece));
        return !bytes.empty();
    };
    for (bool said = true; said;) {
        said = pass(a, b);
        said = pass(b, a) || said;
    }
}

std::string framed(std::string_view payload) {
    Buffer buffer;
    append_bus_frame(buffer, payload);
    return std::string(buffer.view());
}

TEST(BusHandshake, BothEndsLearnWhoIsThere) {
    for (const size_t piece : {1, 2, 7, 1000}) {
        BusHello from = hello_of(kDialler, 1, 4), to = hello_of(kAcceptor, 2);
        from.version_min = 1, from.version_max = 5;
        to.version_min = 2, to.version_max = 9;
        from.cluster_id = to.cluster_id = 77;
        End d(BusRole::dialler, from, "pass", kAcceptor), a(BusRole::acceptor, to, "pass");
        talk(d, a, piece);
        ASSERT_EQ(d.handshake.state(), State::done) << d.handshake.failure();
        ASSERT_EQ(a.handshake.state(), State::done) << a.handshake.failure();
        EXPECT_EQ(d.handshake.peer().node, kAcceptor);
        EXPECT_EQ(a.handshake.peer().node, kDialler);
        EXPECT_EQ(d.handshake.peer().lane, 4);
        EXPECT_EQ(a.handshake.peer().lane, 4);
        EXPECT_EQ(d.handshake.peer().cluster_id, 77u);
        EXPECT_EQ(d.handshake.version(), 5);
        EXPECT_EQ(a.handshake.version(), 5);
    }
}

TEST(BusHandshake, WhatFollowsIsLeftInTheInput) {
    End d = dialler(), a = acceptor();
    d.step(), a.step();
    a.give(d.take());
    d.give(a.take());
    ASSERT_EQ(a.give(d.take() + framed("first frame")), State::done);
    EXPECT_EQ(first_bus_frame(a.input.view()).payload, "first frame");
    ASSERT_EQ(d.give(a.take() + framed("from the acceptor") + "par"), State::done);
    EXPECT_EQ(first_bus_frame(d.input.view()).payload, "from the acceptor");
    const size_t left = d.input.size();
    EXPECT_EQ(d.step(), State::done);
    EXPECT_EQ(d.input.size(), left) << "a finished handshake eats nothing";
}

TEST(BusHandshake, TheAcceptorIsSilentUntilGreeted) {
    End a = acceptor();
    EXPECT_EQ(a.step(), State::talking);
    EXPECT_TRUE(a.output.empty());
}

TEST(BusHandshake, AnotherSecretIsRefused) {
    const std::pair<std::string, std::string> pairs[] = {{"pass", "word"}, {"pass", ""}, {"", "pass"}};
    for (const auto& [ours, theirs] : pairs) {
        End d = dialler(1, ours), a = acceptor(2, theirs);
        talk(d, a);
        EXPECT_EQ(a.handshake.state(), State::failed);
        EXPECT_EQ(a.handshake.reason(), BusRefusal::secret);
        EXPECT_FALSE(a.handshake.refused_by_peer());
        EXPECT_EQ(d.handshake.state(), State::failed);
        EXPECT_EQ(d.handshake.reason(), BusRefusal::secret);
        EXPECT_TRUE(d.handshake.refused_by_peer());
        EXPECT_NE(d.handshake.failure().find("cluster-secret"), std::string::npos);
    }
    End d = dialler(1, ""), a = acceptor(2, "");
    talk(d, a);
    EXPECT_EQ(a.handshake.state(), State::done) << "no secret on both sides";
}

TEST(BusHandshake, AnAcceptorWithoutTheSecretIsFoundOut) {
    End d = dialler();
    d.step();
    const std::string d_hello(first_bus_frame(d.take()).payload);
    const std::string a_hello = encode_bus_hello(hello_of(kAcceptor, 9));
    d.give(framed(a_hello));
    d.take();
    EXPECT_EQ(d.give(framed(encode_bus_proof(prove_bus_link("guess", BusRole::acceptor, d_hello, a_hello)))),
              State::failed);
    EXPECT_EQ(d.handshake.reason(), BusRefusal::secret);
}

TEST(BusHandshake, AProofIsNotTheSecretAndNeitherIsSent) {
    End d = dialler(1, "a long secret"), a = acceptor(2, "a long secret");
    d.step(), a.step();
    std::string all, bytes;
    while (!(bytes = d.take()).empty()) {
        all += bytes;
        a.give(bytes);
        bytes = a.take();
        all += bytes;
        d.give(bytes);
    }
    ASSERT_EQ(d.handshake.state(), State::done);
    EXPECT_EQ(all.find("secret"), std::string::npos);
}

// Somebody without the secret sends the dialler's own proof back to it.
TEST(BusHandshake, AReflectedProofIsRefused) {
    End d = dialler();
    d.step();
    d.take();
    d.give(framed(encode_bus_hello(hello_of(kAcceptor, 9))));
    const std::string proof = d.take();
    ASSERT_FALSE(proof.empty());
    EXPECT_EQ(d.give(proof), State::failed);
    EXPECT_EQ(d.handshake.reason(), BusRefusal::secret);
}

// ... or its hello, as if it were somebody's; or makes two of an acceptor's links answer each other.
TEST(BusHandshake, AReflectedHelloIsRefused) {
    End d = dialler();
    d.step();
    EXPECT_EQ(d.give(d.take()), State::failed);
    EXPECT_EQ(d.handshake.reason(), BusRefusal::myself);

    End first = acceptor(2), second = acceptor(3);
    first.give(framed(encode_bus_hello(hello_of(0x666, 9))));
    EXPECT_EQ(second.give(first.take()), State::failed);
    EXPECT_EQ(second.handshake.reason(), BusRefusal::myself);
}

// What a listener took down from a good link is worth nothing on another.
TEST(BusHandshake, AReplayedConversationIsRefused) {
    End d = dialler(1), a = acceptor(2);
    d.step();
    const std::string hello = d.take();
    a.give(hello);
    const std::string answer = a.take();
    d.give(answer);
    const std::string proof = d.take();
    ASSERT_EQ(a.give(proof), State::done);
    const std::string counter_proof = a.take();

    End fresh_acceptor = acceptor(3);
    EXPECT_EQ(fresh_acceptor.give(hello + proof), State::failed);
    EXPECT_EQ(fresh_acceptor.handshake.reason(), BusRefusal::secret);

    End fresh_dialler = dialler(4);
    fresh_dialler.step();
    EXPECT_EQ(fresh_dialler.give(answer + counter_proof), State::failed);
    EXPECT_EQ(fresh_dialler.handshake.reason(), BusRefusal::secret);
}

// Somebody between the two changes one bit of what is said: no link comes of it.
TEST(BusHandshake, EveryChangedBitOfTheHellosIsFoundOut) {
    const size_t bits = encode_bus_hello(hello_of(1, 1)).size() * 8;
    for (const bool of_dialler : {true, false}) {
        for (size_t bit = 0; bit < bits; ++bit) {
            const auto tampered = [bit](const std::string& frame) {
                std::string payload(first_bus_frame(frame).payload);
                payload[bit / 8] = static_cast<char>(payload[bit / 8] ^ (1 << (bit % 8)));
                return framed(payload);
            };
            End d = dialler(), a = acceptor();
            d.step();
            const std::string hello = d.take();
            a.give(of_dialler ? tampered(hello) : hello);
            const std::string answer = a.take();
            if (!answer.empty()) d.give(of_dialler ? answer : tampered(answer));
            const std::string proof = d.take();
            if (!proof.empty()) a.give(proof);
            EXPECT_NE(a.handshake.state(), State::done) << bit;
            EXPECT_NE(d.handshake.state(), State::done) << bit;
        }
    }
}

TEST(BusHandshake, VersionsWithoutOverlapAreToldToBoth) {
    BusHello old = hello_of(kDialler, 1), next = hello_of(kAcceptor, 2);
    old.version_min = 1, old.version_max = 2;
    next.version_min = 3, next.version_max = 4;
    End d(BusRole::dialler, old), a(BusRole::acceptor, next);
    talk(d, a);
    EXPECT_EQ(a.handshake.reason(), BusRefusal::version);
    EXPECT_EQ(a.handshake.failure(),
              "no version of the bus protocol in common: ours are 3 to 4, the peer's 1 to 2");
    EXPECT_EQ(d.handshake.reason(), BusRefusal::version);
    EXPECT_TRUE(d.handshake.refused_by_peer());
}

TEST(BusHandshake, TheNodeThatWasDialledMustAnswer) {
    End d(BusRole::dialler, hello_of(kDialler, 1), "pass", 0x777), a = acceptor();
    talk(d, a);
    EXPECT_EQ(d.handshake.reason(), BusRefusal::stranger);
    EXPECT_EQ(a.handshake.state(), State::failed);
    EXPECT_TRUE(a.handshake.refused_by_peer());
}

TEST(BusHandshake, OneCanTellThatOneDialledOneself) {
    End d = dialler();
    End a(BusRole::acceptor, hello_of(kDialler, 2), "pass");
    talk(d, a);
    EXPECT_EQ(d.handshake.reason(), BusRefusal::myself);
    EXPECT_EQ(a.handshake.reason(), BusRefusal::myself);
}

TEST(BusHandshake, DataNeedsOneClusterControlDoesNot) {
    const auto outcome = [](BusLane lane, uint64_t from, uint64_t to) {
        BusHello one = hello_of(kDialler, 1, lane), other = hello_of(kAcceptor, 2);
        one.cluster_id = from;
        other.cluster_id = to;
        End d(BusRole::dialler, one), a(BusRole::acceptor, other);
        talk(d, a);
        EXPECT_EQ(d.handshake.state(), a.handshake.state());
        EXPECT_EQ(d.handshake.reason(), a.handshake.reason());
        return d.handshake.reason();
    };
    EXPECT_EQ(outcome(kControlLane, 1, 2), BusRefusal::none);
    EXPECT_EQ(outcome(1, 1, 2), BusRefusal::cluster);
    EXPECT_EQ(outcome(1, 0, 2), BusRefusal::none);
    EXPECT_EQ(outcome(1, 2, 2), BusRefusal::none);
}

TEST(BusHandshake, AnotherLaneThanAskedForIsNonsense) {
    End d(BusRole::dialler, hello_of(kDialler, 1, 3));
    d.step();
    d.take();
    EXPECT_EQ(d.give(framed(encode_bus_hello(hello_of(kAcceptor, 2, 4)))), State::failed);
    EXPECT_EQ(d.handshake.reason(), BusRefusal::malformed);
}

// Cut off after any byte, neither end is done by mistake; and the rest finishes it.
TEST(BusHandshake, TruncationAnywhere) {
    End model_d = dialler(), model_a = acceptor();
    model_d.step();
    const std::string to_a_1 = model_d.take();
    model_a.give(to_a_1);
    const std::string to_d_1 = model_a.take();
    model_d.give(to_d_1);
    const std::string to_a = to_a_1 + model_d.take();
    model_a.give(to_a.substr(to_a_1.size()));
    const std::string to_d = to_d_1 + model_a.take();

    for (size_t n = 0; n < to_a.size(); ++n) {
        End a = acceptor();
        ASSERT_EQ(a.give(to_a.substr(0, n)), State::talking) << n;
        ASSERT_EQ(a.give(to_a.substr(n)), State::done) << n;
    }
    for (size_t n = 0; n < to_d.size(); ++n) {
        End d = dialler();
        d.step();
        ASSERT_EQ(d.give(to_d.substr(0, n)), State::talking) << n;
        ASSERT_EQ(d.give(to_d.substr(n)), State::done) << n;
    }
}

TEST(BusHandshake, AStrangerGetsNoByte) {
    const std::string requests[] = {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "*1\r\n$4\r\nPING\r\n", framed("x"),
                                    framed(encode_bus_proof({})), std::string(1000, '\0')};
    for (const std::string& request : requests) {
        End a = acceptor();
        EXPECT_EQ(a.give(request), State::failed) << request;
        EXPECT_EQ(a.handshake.reason(), BusRefusal::malformed);
        EXPECT_TRUE(a.output.empty()) << request;
    }
}

TEST(BusHandshake, AMessageMayNotBeLong) {
    End a = acceptor();
    EXPECT_EQ(a.give(framed(std::string(kMaxBusHello + 1, 'x')).substr(0, 4)), State::failed);
}

TEST(BusHandshake, RandomBytesNeverOpenALink) {
    constexpr uint64_t kSeed = 21;
    Rng rng(kSeed);
    for (int round = 0; round < 10'000; ++round) {
        End end = rng.one_in(2) ? dialler() : acceptor();
        end.step();
        if (rng.one_in(2)) end.give(framed(encode_bus_hello(hello_of(1 + rng.below(9), 3))));
        for (int part = 0; part < 4; ++part) {
            std::string bytes(1 + rng.below(60), '\0');
            for (char& c : bytes) c = static_cast<char>(rng.next());
            if (rng.one_in(2)) bytes[0] = static_cast<char>(1 + rng.below(3));
            ASSERT_NE(end.give(rng.one_in(4) ? bytes : framed(bytes)), State::done)
                << "seed " << kSeed << ", round " << round;
        }
    }
}

}  // namespace
}  // namespace torc

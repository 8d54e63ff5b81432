#include "cluster/membership_message.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/rng.h"

namespace torc {
namespace {

using Kind = MembershipMessage::Kind;

MembershipMessage message_of(Kind kind) {
    MembershipMessage message;
    message.kind = kind;
    message.cluster_id = 0x1122334455667788;
    message.incarnation = 1'700'000'000'000;
    message.version = 12;
    message.wall_ms = -5;
    message.target = 77;
    message.run = 0xabcdef01;
    message.stamp_ms = 123456;
    message.view = {9, 8, Liveness::suspect};
    message.hash = 0xfeedfacecafebeef;
    message.digest = {{5, {1, 2, Liveness::down}}, {6, {3, 4, Liveness::left}}};
    message.wanted = {1, 2, 3};
    return message;
}

std::string updates() {
    MemberUpdate facts;
    facts.facts.id = 5;
    facts.facts.hostname = "host";
    MemberUpdate vote{MemberUpdate::Kind::vote, {}, 9};
    vote.facts.id = 6;
    vote.facts.incarnation = 4;
    MemberUpdate down = vote, left = vote;
    down.kind = MemberUpdate::Kind::down;
    left.kind = MemberUpdate::Kind::left;
    return encode_update(facts) + encode_update(vote) + encode_update(down) + encode_update(left);
}

std::vector<std::string> one_of_each() {
    std::vector<std::string> all;
    for (uint8_t kind = 1; kind <= 9; ++kind)
        all.push_back(encode_message(message_of(Kind{kind})) + updates());
    return all;
}

TEST(MembershipMessage, EveryKindComesBack) {
    for (uint8_t kind = 1; kind <= 9; ++kind) {
        const MembershipMessage sent = message_of(Kind{kind});
        MembershipMessage read;
        ASSERT_TRUE(decode_message(encode_message(sent) + updates(), read)) << int{kind};
        EXPECT_EQ(read.kind, sent.kind);
        EXPECT_EQ(read.cluster_id, sent.cluster_id);
        EXPECT_EQ(read.incarnation, sent.incarnation);
        EXPECT_EQ(read.version, sent.version);
        EXPECT_EQ(read.wall_ms, sent.wall_ms);
        if (kind <= 5) {
            EXPECT_EQ(read.target, 77u);
            EXPECT_EQ(read.run, 0xabcdef01u);
            EXPECT_EQ(read.stamp_ms, 123456);
        }
        if (sent.kind == Kind::ping || sent.kind == Kind::ask) {
            EXPECT_EQ(read.view.incarnation, 9u);
            EXPECT_EQ(read.view.version, 8u);
            EXPECT_EQ(read.view.liveness, Liveness::suspect);
        }
        EXPECT_EQ(read.hash == sent.hash, sent.kind == Kind::summary);
        EXPECT_EQ(read.digest.size(), sent.kind == Kind::digest ? 2u : 0u);
        EXPECT_EQ(read.wanted.size(), sent.kind == Kind::want ? 3u : 0u);
        ASSERT_EQ(read.updates.size(), 4u);
        EXPECT_EQ(read.updates[0].facts.hostname, "host");
        EXPECT_EQ(read.updates[1].kind, MemberUpdate::Kind::vote);
        EXPECT_EQ(read.updates[1].voter, 9u);
        EXPECT_EQ(read.updates[2].facts.incarnation, 4u);
        EXPECT_EQ(read.updates[3].kind, MemberUpdate::Kind::left);
    }
    MembershipMessage digest;
    ASSERT_TRUE(decode_message(encode_message(message_of(Kind::digest)), digest));
    EXPECT_EQ(digest.digest[1].id, 6u);
    EXPECT_EQ(digest.digest[1].view.version, 4u);
    EXPECT_EQ(digest.digest[1].view.liveness, Liveness::left);
}

TEST(MembershipMessage, UnknownFormatsKindsAndStatesAreRefused) {
    MembershipMessage read;
    std::string bytes = encode_message(message_of(Kind::gossip));
    for (const int kind : {0, 10, 255}) {
        bytes[1] = static_cast<char>(kind);
        EXPECT_FALSE(decode_message(bytes, read)) << kind;
    }
    bytes = encode_message(message_of(Kind::gossip));
    bytes[0] = 2;
    EXPECT_FALSE(decode_message(bytes, read));
    bytes = encode_message(message_of(Kind::ping));
    bytes.back() = 4;  // a liveness that doesn't exist
    EXPECT_FALSE(decode_message(bytes, read));
    bytes = encode_message(message_of(Kind::gossip));
    EXPECT_FALSE(decode_message(bytes + '\x05', read));  // an update of no kind
    EXPECT_FALSE(decode_message("", read));
    EXPECT_FALSE(decode_message(bytes + std::string(Membership::kMaxPayload, '\0'), read));
}

TEST(MembershipMessage, ListsAreBounded) {
    MembershipMessage message = message_of(Kind::digest), read;
    message.digest.resize(Membership::kMaxMembers + 1);
    EXPECT_TRUE(decode_message(encode_message(message), read));
    EXPECT_LE(encode_message(message).size(), Membership::kMaxPayload);
    message.digest.resize(Membership::kMaxMembers + 2);
    EXPECT_FALSE(decode_message(encode_message(message), read));
    message = message_of(Kind::want);
    message.wanted.resize(Membership::kMaxMembers + 2);
    EXPECT_FALSE(decode_message(encode_message(message), read));
}

TEST(MembershipMessage, TruncationsAreRefusedOrEndBetweenUpdates) {
    for (const std::string& whole : one_of_each()) {
        const size_t bare = whole.size() - updates().size();
        for (size_t length = 0; length < whole.size(); ++length) {
            MembershipMessage read;
            const bool ok = decode_message(std::string_view(whole).substr(0, length), read);
            EXPECT_FALSE(ok && length < bare) << length;
            EXPECT_FALSE(ok && read.updates.size() >= 4) << length;
        }
    }
}

// Whatever arrives, the core goes on: damaged messages, from members and strangers, in any order.
TEST(MembershipMessage, HostileBytesDontStopTheCore) {
    const std::vector<std::string> seeds = one_of_each();
    for (uint64_t seed = 1; seed <= 40; ++seed) {
        Rng rng(seed);
        MemberFacts self;
        self.id = 5;
        Membership core(self, {}, seed);
        int64_t now = 1000;
        for (int step = 0; step < 500; ++step) {
            std::string bytes = seeds[rng.below(seeds.size())];
            for (uint64_t flips = rng.below(4); flips > 0; --flips)
                bytes[rng.below(bytes.size())] ^= 1 << rng.below(8);
            if (rng.one_in(5)) bytes.resize(rng.below(bytes.size() + 1));
            if (rng.one_in(10)) {
                for (char& c : bytes) c = static_cast<char>(rng.next());
            }
            now += static_cast<int64_t>(rng.below(100));
            core.on_message(rng.below(12), bytes, {now, static_cast<int64_t>(rng.next() >> 20)});
            if (rng.one_in(3)) core.on_tick({now, now});
            for (const Outgoing& out : core.take_outgoing()) {
                EXPECT_LE(out.payload.size(), Membership::kMaxPayload) << "seed " << seed;
                EXPECT_NE(out.to, 5u) << "seed " << seed;
            }
            core.take_events();
            core.cluster_clock_offset_ms();
        }
        EXPECT_EQ(core.find(5), nullptr);
        EXPECT_LE(core.members().size(), Membership::kMaxMembers);
    }
}

}  // namespace
}  // namespace torc

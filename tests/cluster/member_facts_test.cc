#include "cluster/member_facts.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/rng.h"

namespace torc {
namespace {

MemberFacts some_facts(Rng& rng) {
    MemberFacts facts;
    facts.id = rng.next() | 1;
    facts.incarnation = rng.next() >> 2;
    facts.version = rng.below(1000);
    facts.cluster_id = rng.next();
    facts.ring_epoch = rng.next();
    facts.actor = rng.next();
    facts.bus = {"192.168.100.200", static_cast<uint16_t>(rng.next())};
    facts.client = {"fe80::1234", static_cast<uint16_t>(rng.next())};
    facts.hostname = std::string(rng.below(256), 'h');
    facts.datacenter = "dc1";
    facts.rack = std::string(rng.below(256), 'r');
    facts.vnodes = static_cast<uint32_t>(rng.next());
    facts.started_ms = static_cast<int64_t>(rng.next());
    if (rng.one_in(2)) facts.unsettled = std::string(128, static_cast<char>(rng.next()));
    return facts;
}

bool equal(const MemberFacts& a, const MemberFacts& b) {
    return same_facts(a, b) && a.incarnation == b.incarnation && a.version == b.version;
}

TEST(MemberFacts, TheSaveFormComesBack) {
    for (uint64_t seed = 1; seed <= 50; ++seed) {
        Rng rng(seed);
        std::vector<MemberFacts> members(rng.below(40));
        for (MemberFacts& facts : members) facts = some_facts(rng);
        const auto read = decode_members(encode_members(members));
        ASSERT_TRUE(read) << read.error().message;
        ASSERT_EQ(read->size(), members.size());
        for (size_t i = 0; i < members.size(); ++i)
            EXPECT_TRUE(equal((*read)[i], members[i])) << "seed " << seed;
    }
}

TEST(MemberFacts, EveryTruncationAndEveryBitFlipIsRefused) {
    Rng rng(3);
    const std::vector<MemberFacts> members = {some_facts(rng), some_facts(rng)};
    const std::string whole = encode_members(members);
    for (size_t length = 0; length < whole.size(); ++length)
        EXPECT_FALSE(decode_members(std::string_view(whole).substr(0, length))) << length;
    for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
        std::string damaged = whole;
        damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
        const auto read = decode_members(damaged);
        ASSERT_FALSE(read) << bit;
        EXPECT_EQ(read.error().kind, ErrorKind::corrupt);
    }
    EXPECT_FALSE(decode_members(whole + "x"));
}

TEST(MemberFacts, NoMoreThanTheBoundIsKept) {
    Rng rng(4);
    std::vector<MemberFacts> members(Membership::kMaxMembers + 5, some_facts(rng));
    const auto read = decode_members(encode_members(members));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->size(), Membership::kMaxMembers);
}

TEST(MemberFacts, WhatIsTooLongIsCutAndWhatMakesNoSenseIsRefused) {
    Rng rng(5);
    MemberFacts facts = some_facts(rng);
    facts.hostname = std::string(300, 'h');
    facts.unsettled = "three bytes short of a hundred and twenty-eight";
    WireWriter writer;
    write_facts(writer, facts);
    WireReader reader(writer.bytes());
    MemberFacts read;
    read_facts(reader, read);
    ASSERT_TRUE(reader.finished());
    EXPECT_EQ(read.hostname, std::string(255, 'h'));
    EXPECT_EQ(read.unsettled, "");

    MemberFacts nobody = some_facts(rng);
    nobody.id = 0;
    MemberFacts unbeatable = some_facts(rng);
    unbeatable.incarnation = UINT64_MAX;
    for (const MemberFacts& wrong : {nobody, unbeatable}) {
        WireWriter bytes;
        write_facts(bytes, wrong);
        WireReader from(bytes.bytes());
        read_facts(from, read);
        EXPECT_FALSE(from.ok());
    }
}

TEST(MemberFacts, RandomBytesNeverHurt) {
    for (uint64_t seed = 1; seed <= 3000; ++seed) {
        Rng rng(seed);
        std::string bytes(rng.below(300), '\0');
        for (char& c : bytes) c = static_cast<char>(rng.one_in(3) ? 0 : rng.next());
        WireReader reader(bytes);
        MemberFacts facts;
        read_facts(reader, facts);
        if (reader.ok()) {
            EXPECT_LE(facts.hostname.size(), kMaxMemberText) << "seed " << seed;
            EXPECT_NE(facts.id, 0u) << "seed " << seed;
        }
        EXPECT_FALSE(decode_members(bytes)) << "seed " << seed;
    }
}

}  // namespace
}  // namespace torc

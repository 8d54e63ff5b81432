#include "cluster/agreement_message.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/rng.h"

namespace torc {
namespace {

using Kind = AgreementMessage::Kind;

RingState ring_of(uint64_t steps) {
    RingState ring = found_ring(77, 3, {1, "dc", "r1", 4});
    ring = *begin_join(ring, {2, "dc", "r2", 4});
    while (ring.epoch < steps) ring.epoch++;
    return ring;
}

std::vector<AgreementMessage> samples() {
    const RingPosition at{6, {4, 9}};
    const Ballot low{2, 8}, high{3, 9};
    const RingState next = ring_of(7);
    return {
        {Kind::prepare, 77, at, high, {}, {}},
        {Kind::promise, 77, at, high, {}, {}},
        {Kind::promise, 77, at, high, low, next},
        {Kind::refuse, 77, at, low, high, {}},
        {Kind::accept, 77, at, high, {}, next},
        {Kind::accepted, 77, at, high, {}, {}},
        {Kind::announce, 77, {7, {4, 9}}, {}, {}, next},
        {Kind::ask, 77, at, {}, {}, {}},
        {Kind::ask, 0, {}, {}, {}, {}},
    };
}

TEST(AgreementMessage, GivesBackWhatWasSent) {
    for (const AgreementMessage& message : samples()) {
        const auto decoded = decode_agreement_message(encode_agreement_message(message));
        ASSERT_TRUE(decoded) << decoded.error().message;
        EXPECT_EQ(*decoded, message);
    }
}

TEST(AgreementMessage, CutShortOrWithMoreBehindIsRefused) {
    for (const AgreementMessage& message : samples()) {
        const std::string bytes = encode_agreement_message(message);
        for (size_t size = 0; size < bytes.size(); ++size)
            EXPECT_FALSE(decode_agreement_message(std::string_view(bytes).substr(0, size))) << size;
        EXPECT_FALSE(decode_agreement_message(bytes + "x"));
    }
}

TEST(AgreementMessage, AFlippedBitNeverBreaksTheReader) {
    for (const AgreementMessage& message : samples()) {
        const std::string bytes = encode_agreement_message(message);
        for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
            std::string flipped = bytes;
            flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
            const auto decoded = decode_agreement_message(flipped);
            if (!decoded) continue;
            // What is understood is whole: a ring where one belongs, of the right cluster and epoch.
            if (decoded->kind == Kind::accept || decoded->kind == Kind::announce) {
                ASSERT_TRUE(decoded->ring);
                EXPECT_EQ(decoded->ring->cluster_id, decoded->cluster_id);
            }
            EXPECT_EQ(decode_agreement_message(encode_agreement_message(*decoded)).value(), *decoded);
        }
    }
}

TEST(AgreementMessage, RandomBytesNeverBreakTheReader) {
    for (uint64_t seed = 1; seed <= 20'000; ++seed) {
        Rng rng(seed);
        std::string bytes(rng.below(80), '\0');
        for (char& c : bytes) c = static_cast<char>(rng.next());
        if (bytes.size() > 1 && rng.one_in(2)) bytes[0] = 1, bytes[1] = static_cast<char>(rng.below(8));
        (void)decode_agreement_message(bytes);
    }
}

TEST(AgreementMessage, RefusesARingThatDoesNotFit) {
    AgreementMessage message{Kind::accept, 77, {6, {}}, {1, 1}, {}, ring_of(7)};
    EXPECT_TRUE(decode_agreement_message(encode_agreement_message(message)));
    message.ring->epoch = 8;
    EXPECT_FALSE(decode_agreement_message(encode_agreement_message(message)));
    message.ring->epoch = 7;
    message.cluster_id = 78;
    EXPECT_FALSE(decode_agreement_message(encode_agreement_message(message)));
    message.cluster_id = 0;
    EXPECT_FALSE(decode_agreement_message(encode_agreement_message(message)));
}

TEST(AgreementMessage, RefusesNumbersThatLeaveNoRoomToCount) {
    AgreementMessage message{Kind::prepare, 77, {6, {}}, {kMaxBallotRound, 1}, {}, {}};
    EXPECT_TRUE(decode_agreement_message(encode_agreement_message(message)));
    message.ballot.round = UINT64_MAX;
    EXPECT_FALSE(decode_agreement_message(encode_agreement_message(message)));
    message.ballot.round = 1;
    message.at.epoch = UINT64_MAX;
    EXPECT_FALSE(decode_agreement_message(encode_agreement_message(message)));
    message.at = {6, {7, 1}};  // forced in an epoch to come
    EXPECT_FALSE(decode_agreement_message(encode_agreement_message(message)));
}

}  // namespace
}  // namespace torc

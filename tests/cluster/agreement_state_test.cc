#include "cluster/agreement_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/rng.h"

namespace torc {
namespace {

std::vector<AgreementState> samples() {
    AgreementState full;
    full.ring = found_ring(77, 3, {1, "dc", "r1", 4});
    full.fork = {1, 5};
    full.promised = {4, 2};
    full.accepted = AcceptedRing{{3, 1}, *begin_join(full.ring, {2, "dc", "r2", 4})};
    full.left = {{5, 6}, {7, 8}};
    AgreementState settled;
    settled.ring = full.ring;
    return {{}, settled, full};
}

TEST(AgreementState, GivesBackWhatWasSaved) {
    for (const AgreementState& state : samples()) {
        const auto decoded = decode_agreement_state(encode_agreement_state(state));
        ASSERT_TRUE(decoded) << decoded.error().message;
        EXPECT_EQ(*decoded, state);
    }
}

TEST(AgreementState, CutShortOrWithMoreBehindIsDamage) {
    for (const AgreementState& state : samples()) {
        const std::string bytes = encode_agreement_state(state);
        for (size_t size = 0; size < bytes.size(); ++size) {
            const auto decoded = decode_agreement_state(std::string_view(bytes).substr(0, size));
            ASSERT_FALSE(decoded) << size;
            EXPECT_EQ(decoded.error().kind, ErrorKind::corrupt);
        }
        EXPECT_FALSE(decode_agreement_state(bytes + "x"));
    }
}

TEST(AgreementState, FlippedBitsAndRandomBytesNeverBreakTheReader) {
    for (const AgreementState& state : samples()) {
        const std::string bytes = encode_agreement_state(state);
        for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
            std::string flipped = bytes;
            flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
            const auto decoded = decode_agreement_state(flipped);
            if (decoded) {
                EXPECT_NE(*decoded, state) << bit;
            }
        }
    }
    for (uint64_t seed = 1; seed <= 20'000; ++seed) {
        Rng rng(seed);
        std::string bytes(rng.below(120), '\0');
        for (char& c : bytes) c = static_cast<char>(rng.next());
        if (!bytes.empty()) bytes[0] = 1;
        (void)decode_agreement_state(bytes);
    }
}

TEST(AgreementState, ANewerVersionIsRefusedWithARemedy) {
    std::string bytes = encode_agreement_state({});
    bytes[0] = 2;
    const auto decoded = decode_agreement_state(bytes);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().kind, ErrorKind::refused);
    EXPECT_THAT(decoded.error().message, testing::HasSubstr("newer"));
}

TEST(RingPosition, GoesByEpochThenByTheLaterForceThenByItsNode) {
    const std::vector<RingPosition> ascending = {
        {0, {}}, {4, {}}, {4, {3, 9}}, {4, {4, 1}}, {4, {4, 2}}, {5, {}},
    };
    for (size_t i = 1; i < ascending.size(); ++i) EXPECT_LT(ascending[i - 1], ascending[i]) << i;
}

}  // namespace
}  // namespace torc

#include "repl/cell_codec.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "tests/repl/cell_fixture.h"
#include "tests/repl/cell_model.h"

namespace torc {
namespace {

/// Everything that may be done with a cell from a stranger.
void use(const std::string& cell, const std::string& other) {
    const CellView view = view_of(cell);
    std::string out, scratch;
    if (view.exists()) view.value(scratch);
    EXPECT_EQ(view.values().empty(), !view.exists());
    view.digest();
    EXPECT_TRUE(parse_context_token(context_token(view.context())));
    for (const bool reversed : {false, true}) {
        if (merge_cells(out, reversed ? other : cell, reversed ? cell : other, 3) != Merged::unchanged) {
            EXPECT_TRUE(CellView::parse(out));
        }
    }
    // An actor and a stamp that the stranger may have used before us.
    for (const Dot& entry : view.context().entries) {
        for (const Stamp stamp : {entry.birth, entry.stamp, entry.stamp + 1}) {
            if (stamp < 1000) continue;  // no clock of ours shows 1970
            const WriteStamp write{entry.actor, stamp};
            write_value(out, cell, write, "v", 5);
            EXPECT_TRUE(CellView::parse(out));
            write_delete(out, cell, write);
            EXPECT_TRUE(CellView::parse(out));
            write_expiry(out, cell, write, 7);
            EXPECT_TRUE(CellView::parse(out));
            EXPECT_TRUE(!write_add(out, cell, write, 3) || CellView::parse(out));
            write_resolved(out, cell, write, "v", 5, view.context());
            EXPECT_TRUE(CellView::parse(out));
            write_resolved(out, cell, write, "v", 5, view_of(other).context());
            EXPECT_TRUE(CellView::parse(out));
        }
    }
}

std::vector<std::string> samples(uint64_t seed) {
    CellModel model(seed, BirthRule::renewed);
    for (int i = 0; i < 60; ++i) EXPECT_EQ(model.step(), "");
    return model.cells();
}

TEST(CellCodec, EveryTruncationIsRefusedOrAnotherValidCell) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(seed);
        for (const std::string& cell : samples(seed)) {
            for (size_t size = 0; size < cell.size(); ++size) {
                const std::string cut = cell.substr(0, size);
                if (!CellView::parse(cut)) continue;
                // Only a value's end can be missing without a trace.
                ASSERT_EQ(static_cast<uint8_t>(cell[0]) & 0xf0, kPlainForm);
                ASSERT_GE(size, 25u);
            }
            if ((static_cast<uint8_t>(cell[0]) & 0xf0) == kGeneralForm) {
                ASSERT_FALSE(CellView::parse(cell + "x"));
            }
        }
    }
}

TEST(CellCodec, FlippedBitsNeverCrash) {
    for (uint64_t seed = 1; seed <= 4; ++seed) {
        SCOPED_TRACE(seed);
        const auto cells = samples(seed);
        Rng rng(seed);
        for (std::string cell : cells) {
            for (size_t bit = 0; bit < cell.size() * 8; ++bit) {
                cell[bit / 8] = static_cast<char>(cell[bit / 8] ^ (1 << bit % 8));
                if (CellView::parse(cell) && rng.one_in(6)) use(cell, cells[rng.below(cells.size())]);
                cell[bit / 8] = static_cast<char>(cell[bit / 8] ^ (1 << bit % 8));
            }
        }
    }
}

TEST(CellCodec, RandomBytesNeverCrash) {
    constexpr uint64_t kSeed = 5;
    SCOPED_TRACE(kSeed);
    Rng rng(kSeed);
    const auto cells = samples(3);
    int valid = 0;
    for (int i = 0; i < 100'000; ++i) {
        // A few small numbers in place of noise get further.
        std::string bytes(1, rng.one_in(2) ? static_cast<char>(kGeneralForm) : static_cast<char>(rng.next()));
        const uint64_t size = rng.below(90);
        for (uint64_t k = 0; k < size; ++k)
            bytes += static_cast<char>(rng.one_in(3) ? rng.next() : rng.below(3));
        if (!CellView::parse(bytes)) continue;
        ++valid;
        use(bytes, cells[rng.below(cells.size())]);
    }
    EXPECT_GT(valid, 100);
}

TEST(CellCodec, MutatedMiddlesNeverCrash) {
    for (uint64_t seed = 1; seed <= 40; ++seed) {
        SCOPED_TRACE(seed);
        const auto cells = samples(seed);
        Rng rng(seed);
        for (int i = 0; i < 1500; ++i) {
            std::string cell = cells[rng.below(cells.size())];
            for (uint64_t n = 1 + rng.below(3); n > 0 && !cell.empty(); --n) {
                const size_t at = rng.below(cell.size());
                switch (rng.below(3)) {
                    case 0:
                        cell[at] = static_cast<char>(rng.below(4));
                        break;
                    case 1:
                        cell.erase(at, 1);
                        break;
                    default:
                        cell.insert(at, 1, static_cast<char>(rng.below(4)));
                }
            }
            if (CellView::parse(cell)) use(cell, cells[rng.below(cells.size())]);
        }
    }
}

TEST(CellCodec, WhatHasThePlainFormHasNoOther) {
    std::string plain, general;
    write_value(plain, "", {1, 5}, "v", kNoExpiry);
    general += static_cast<char>(kGeneralForm | kCellOwn);
    append_context(general, DotList{{1, 5, 5}}, {});
    general += std::string("\x01\x00\x00\x02\x00", 5);  // one sibling of one byte
    general += std::string("\x01\x00\x00\x00", 4);      // one expiry: never
    general += "v";
    EXPECT_FALSE(CellView::parse(general));
    // With one dot less in the plain one's reach it is valid: the expiry isn't the newest dot.
    std::string other;
    other += static_cast<char>(kGeneralForm);
    append_context(other, DotList{{1, 5, 6}}, {});
    other += std::string("\x01\x00\x01\x02\x00", 5) + std::string("\x01\x00\x01\x00", 4) + "v";
    EXPECT_TRUE(CellView::parse(other));
}

TEST(CellCodec, PlainRefusesStampsOutOfOrder) {
    const auto bytes = [](Dot dot, Stamp expiry, int64_t at) {
        std::string out;
        write_plain(out, {.dot = dot, .expiry_stamp = expiry, .expire_at_ms = at, .value = "v"});
        return out;
    };
    EXPECT_TRUE(CellView::parse(bytes({1, 5, 6}, 7, 9)));
    EXPECT_FALSE(CellView::parse(bytes({1, 7, 6}, 6, 9))) << "before its birth";
    EXPECT_FALSE(CellView::parse(bytes({1, 5, 6}, 5, 9))) << "an expiry that the value covers";
    EXPECT_FALSE(CellView::parse(bytes({1, 5, 6}, 6, -2)));
    EXPECT_FALSE(CellView::parse(bytes({1, 5, 6}, 6, INT64_MAX)));
}

TEST(CellCodec, HugeCountsReserveNothing) {
    for (const char count : {'\x01', '\x7f'}) {
        std::string bytes(1, static_cast<char>(kGeneralForm));
        bytes += std::string(8, '\xff') + count + std::string(100, '\0');
        EXPECT_FALSE(CellView::parse(bytes));
    }
}

}  // namespace
}  // namespace torc

// Random histories of one key (tests/repl/cell_model.h). A failure prints the seed that replays it.
#include "tests/repl/cell_model.h"

#include <gtest/gtest.h>

#include "repl/cell_codec.h"
#include "tests/repl/cell_fixture.h"

namespace torc {
namespace {

constexpr int kSteps = 90;

/// Empty when the whole run was right.
std::string run(CellModel& model) {
    for (int step = 0; step < kSteps; ++step) {
        if (std::string wrong = model.step(); !wrong.empty()) return wrong;
    }
    return model.heal();
}

TEST(CellModel, History01NoAcknowledgedWriteIsLostWhenCopiesAreDroppedAndComeBack) {
    for (uint64_t seed = 1; seed <= 3000; ++seed) {
        CellModel model(seed, BirthRule::renewed);
        ASSERT_EQ(run(model), "") << "seed " << seed;
    }
}

TEST(CellModel, History16EndedActorsEndAndNothingIsLostOrCountedTwice) {
    size_t retired = 0;
    for (uint64_t seed = 1; seed <= 3000; ++seed) {
        CellModel model(seed, BirthRule::renewed, true);
        ASSERT_EQ(run(model), "") << "seed " << seed;
        retired += model.retired();
    }
    EXPECT_GT(retired, 3000u);
}

TEST(CellModel, History01ABirthThatIsNeverRenewedLosesWrites) {
    int wrong = 0;
    for (uint64_t seed = 1; seed <= 300; ++seed) {
        CellModel model(seed, BirthRule::never_renewed);
        wrong += !run(model).empty();
    }
    EXPECT_GT(wrong, 150) << "the model must be able to see the fault that births cure";
}

TEST(CellModel, MergingIsCommutativeAssociativeAndIdempotent) {
    const auto replicated = [](const std::string& cell) {
        std::string sent;
        append_replicated(sent, cell);
        return sent;
    };
    for (uint64_t seed = 1; seed <= 300; ++seed) {
        SCOPED_TRACE(seed);
        CellModel model(seed, BirthRule::renewed, seed % 2 == 0);
        ASSERT_EQ(run(model), "");
        const auto& cells = model.cells();
        Rng rng(seed);
        for (int i = 0; i < 30; ++i) {
            const std::string a = replicated(cells[rng.below(cells.size())]);
            const std::string b = replicated(cells[rng.below(cells.size())]);
            const std::string c = replicated(cells[rng.below(cells.size())]);
            const std::string ab = merged(a, b);
            ASSERT_EQ(ab, merged(b, a));
            ASSERT_EQ(merged(ab, c), merged(a, merged(b, c)));
            ASSERT_EQ(merged(a, a), a);
            std::string out;
            ASSERT_EQ(merge_cells(out, ab, a, 100), Merged::unchanged);
            ASSERT_EQ(merge_cells(out, ab, b, 100), Merged::unchanged);
            const Merged how = merge_cells(out, a, b, 100);
            ASSERT_EQ(how, ab == a ? Merged::unchanged : ab == b ? Merged::taken : Merged::joined);
            ASSERT_EQ(view_of(a).digest() == view_of(b).digest(), a == b);
        }
        for (const std::string& cell : cells) {
            std::string again;
            encode_cell(again, decode_valid_cell(cell));
            ASSERT_EQ(again, cell);
        }
    }
}

}  // namespace
}  // namespace torc

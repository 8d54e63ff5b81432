#include "sim/checkers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace torc {
namespace {

using Kind = HistoryOp::Kind;
using Outcome = HistoryOp::Outcome;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

HistoryOp op(Kind kind, std::string value, int64_t start_us, int64_t end_us, uint64_t calm = 0,
             std::string key = "r:1") {
    HistoryOp made;
    made.kind = kind;
    made.outcome = end_us == HistoryOp::kNever ? Outcome::in_doubt : Outcome::acknowledged;
    made.key = std::move(key);
    made.value = std::move(value);
    made.start_us = start_us;
    made.end_us = end_us;
    made.calm = calm;
    return made;
}

HistoryOp add(int64_t amount, Outcome outcome) {
    HistoryOp made = op(Kind::add, "", 1, outcome == Outcome::in_doubt ? HistoryOp::kNever : 2, 0, "c:1");
    made.outcome = outcome;
    made.amount = amount;
    return made;
}

TEST(Checkers, AnAcknowledgedWriteThatIsNowhereIsLost) {
    const History history = {op(Kind::set, "v1", 1, 2)};
    EXPECT_THAT(check_history(history, {{"r:1", {"v1"}}}, 9), IsEmpty());
    EXPECT_THAT(check_history(history, {}, 9), ElementsAre(HasSubstr("lost: SET r:1 v1")));
}

TEST(Checkers, NothingExcusesTheLossOfAKeyThatWasWrittenOnce) {
    HistoryOp write = op(Kind::set, "once1", 1, 2, 0, "o:1");
    EXPECT_THAT(check_history({write}, {{"o:1", {"once1"}}}, 9), IsEmpty());
    EXPECT_THAT(check_history({write}, {}, 9), ElementsAre(HasSubstr("lost: SET o:1 once1")));
    write.outcome = Outcome::in_doubt;
    EXPECT_THAT(check_history({write}, {}, 9), IsEmpty());
    EXPECT_THAT(check_history({write}, {{"o:1", {"once1"}}}, 9), IsEmpty());
    write.outcome = Outcome::refused;
    EXPECT_THAT(check_history({write}, {{"o:1", {"once1"}}}, 9), ElementsAre(HasSubstr("the end shows")));
}

TEST(Checkers, AnEarlierWriteExcusesNothingALaterOrConcurrentOneDoes) {
    EXPECT_THAT(check_history({op(Kind::set, "v1", 1, 2), op(Kind::set, "v2", 3, 4)}, {{"r:1", {"v1"}}}, 9),
                ElementsAre(HasSubstr("lost: SET r:1 v2")));
    EXPECT_THAT(check_history({op(Kind::set, "v1", 1, 5), op(Kind::set, "v2", 3, 4)}, {{"r:1", {"v1"}}}, 9),
                IsEmpty());
    EXPECT_THAT(check_history({op(Kind::set, "v1", 1, 2), op(Kind::del, "", 3, HistoryOp::kNever)}, {}, 9),
                IsEmpty());
}

TEST(Checkers, AValueThatAWriteInACalmCoveredMustNotReturn) {
    const History history = {op(Kind::set, "v1", 1, 2, 0), op(Kind::set, "v2", 3, 4, 7)};
    EXPECT_THAT(check_history(history, {{"r:1", {"v2"}}}, 9), IsEmpty());
    EXPECT_THAT(check_history(history, {{"r:1", {"v2", "v1"}}}, 9), ElementsAre(HasSubstr("returned")));
    // In no calm the coordinator may not have known it: they are siblings.
    EXPECT_THAT(check_history({op(Kind::set, "v1", 1, 2), op(Kind::set, "v2", 3, 4)}, {{"r:1", {"v2", "v1"}}}, 9),
                IsEmpty());
}

TEST(Checkers, AReadInACalmSeesWhatWasAcknowledged) {
    HistoryOp read = op(Kind::get, "", 5, 6, 7);
    read.absent = true;
    History history = {op(Kind::set, "v1", 1, 2, 7), read};
    EXPECT_THAT(check_history(history, {{"r:1", {"v1"}}}, 9), ElementsAre(HasSubstr("doesn't see")));
    history.back().calm = 0;
    EXPECT_THAT(check_history(history, {{"r:1", {"v1"}}}, 9), IsEmpty());
    HistoryOp found_nothing = op(Kind::del, "", 5, 6, 7);
    history.back() = found_nothing;
    EXPECT_THAT(check_history(history, {{"r:1", {"v1"}}}, 9), ElementsAre(HasSubstr("doesn't see")));
}

TEST(Checkers, WhatWasRefusedOrNeverWrittenIsNeverSeen) {
    HistoryOp refused = op(Kind::set, "v1", 1, 2);
    refused.outcome = Outcome::refused;
    EXPECT_THAT(check_history({refused}, {{"r:1", {"v1"}}}, 9), ElementsAre(HasSubstr("shows 'v1', but")));
    EXPECT_THAT(check_history({refused, op(Kind::get, "v1", 3, 4)}, {}, 9), ElementsAre(HasSubstr("but")));
    EXPECT_THAT(check_history({op(Kind::get, "v9", 3, 4)}, {}, 9), ElementsAre(HasSubstr("nobody wrote")));
}

TEST(Checkers, CountersAreExactUpToWhatIsInDoubt) {
    const History history = {add(1, Outcome::acknowledged), add(-3, Outcome::in_doubt), add(5, Outcome::in_doubt),
                             add(100, Outcome::refused)};
    for (const int64_t good : {-2, 1, 3, 6})
        EXPECT_THAT(check_history(history, {{"c:1", {std::to_string(good)}}}, 9), IsEmpty()) << good;
    for (const int64_t bad : {-3, 7, 101})
        EXPECT_THAT(check_history(history, {{"c:1", {std::to_string(bad)}}}, 9), ElementsAre(HasSubstr("counter")))
            << bad;
}

TEST(Checkers, SiblingsAreFew) {
    const History history = {op(Kind::set, "v1", 1, 9), op(Kind::set, "v2", 1, 9), op(Kind::set, "v3", 1, 9)};
    EXPECT_THAT(check_history(history, {{"r:1", {"v1", "v2", "v3"}}}, 2), ElementsAre(HasSubstr("3 siblings")));
}

}  // namespace
}  // namespace torc

#include "node/bus_executor.h"

#include <gmock/gmock.h>

#include "node/internal_commands.h"
#include "tests/node/cluster_fixture.h"

namespace torc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

/// Alone in its ring: commands end without other nodes.
class Executor : public ClusterFixture {
  protected:
    void begin(std::vector<std::string> directives = {}) {
        start_cluster({}, std::move(directives), 1);
        executor_ = std::make_unique<BusExecutor>(workers[0]->core());
    }
    void TearDown() override { executor_ = nullptr; }

    BusExecutor::Sink sink() {
        return [this](std::string_view reply) { replies_.emplace_back(reply); };
    }
    void run(const std::vector<std::string_view>& words, BusExecutor::Settings settings = {}) {
        workers[0]->begin_turn();
        executor_->run(nullptr, words, settings, sink());
        workers[0]->end_turn();
    }
    void run_internal(const CommandSpec& spec, const std::vector<std::string_view>& words) {
        workers[0]->begin_turn();
        executor_->run(&spec, words, {}, sink());
        workers[0]->end_turn();
    }
    void transaction(const std::vector<std::vector<std::string_view>>& commands) {
        workers[0]->begin_turn();
        executor_->run_transaction(commands, {}, sink());
        workers[0]->end_turn();
        settle();
    }
    std::vector<std::string> take() { return std::exchange(replies_, {}); }

    std::unique_ptr<BusExecutor> executor_;
    std::vector<std::string> replies_;
};

TEST_F(Executor, EachReplyGoesToItsSink) {
    begin();
    run({"SET", "k", "v"});
    run({"GET", "k"});
    run({"NOSUCH"});
    run({"GET", "k"}, {.resp3 = true});
    EXPECT_THAT(take(),
                ElementsAre("+OK\r\n", "$1\r\nv\r\n", StartsWith("-ERR unknown command"), "$1\r\nv\r\n"));
    EXPECT_TRUE(executor_->idle());
}

TEST_F(Executor, CommandsWaitForTheOneBeforeWhateverItWaitsFor) {
    begin();
    const std::string key = "k";
    ShardLock& lock = node->core().store->shard_lock(shard_of_key(key));
    ASSERT_TRUE(lock.try_lock());
    run({"SET", key, "v"});
    run({"PING"});
    run({"GET", key});
    settle();
    EXPECT_THAT(take(), IsEmpty());
    EXPECT_FALSE(executor_->idle());
    EXPECT_GT(executor_->waiting_bytes(), 0u);
    lock.unlock();
    settle();
    EXPECT_THAT(take(), ElementsAre("+OK\r\n", "+PONG\r\n", "$1\r\nv\r\n"));
    EXPECT_TRUE(executor_->idle());
    EXPECT_EQ(executor_->waiting_bytes(), 0u);
}

TEST_F(Executor, AnInternalCommandThatHasToWaitIsStillItself) {
    begin();
    const std::string cell = cell_of("v", 99, stamp_now());
    ShardLock& lock = node->core().store->shard_lock(shard_of_key("k"));
    ASSERT_TRUE(lock.try_lock());
    run_internal(kMergeCommand, {"merge", "k", cell});
    settle();
    EXPECT_THAT(take(), IsEmpty());
    lock.unlock();
    settle();
    EXPECT_THAT(take(), ElementsAre(""));
    run({"GET", "k"});
    EXPECT_THAT(take(), ElementsAre("$1\r\nv\r\n"));
}

// A merge has an empty reply: it may not be acknowledged before it is where the policy wants it.
TEST_F(Executor, AnEmptyReplyWaitsForTheLogAsWell) {
    begin({"--appendfsync", "always"});
    run_internal(kMergeCommand, {"merge", "k", cell_of("v", 99, stamp_now())});
    EXPECT_THAT(take(), IsEmpty());
    node->sync_step();
    settle();
    EXPECT_THAT(take(), ElementsAre(""));
}

TEST_F(Executor, AFailingLogAnswersEveryCommandOnce) {
    begin();
    run({"SET", "before", "v"});
    EXPECT_THAT(take(), ElementsAre("+OK\r\n"));
    disk->fail_at(disk->operations() + 1, ErrorKind::no_space, true);
    run_internal(kMergeCommand, {"merge", "k", cell_of("v", 99, stamp_now())});
    run({"GET", "before"});
    run({"SET", "k2", "v"});
    settle();
    node->sync_step();
    settle();
    std::vector<std::string> replies = take();
    ASSERT_EQ(replies.size(), 3u);
    EXPECT_THAT(replies[0], StartsWith("-INDOUBT"));
    EXPECT_EQ(replies[2][0], '-');
    EXPECT_TRUE(executor_->idle());
    disk->clear_faults();
    node->sync_step();
    settle();
    run({"SET", "k3", "v"});
    settle();
    EXPECT_THAT(take(), ElementsAre("+OK\r\n"));
}

TEST_F(Executor, ATransactionIsOneReply) {
    begin();
    transaction({{"SET", "{t}a", "1"}, {"INCR", "{t}a"}, {"GET", "{t}b"}});
    EXPECT_THAT(take(), ElementsAre("*3\r\n+OK\r\n:2\r\n$-1\r\n"));
    run({"GET", "{t}a"});
    EXPECT_THAT(take(), ElementsAre("$1\r\n2\r\n"));
}

TEST_F(Executor, WhatNoClientCouldQueueSpoilsATransaction) {
    begin();
    const std::vector<std::vector<std::string_view>> hostile = {
        {"EXEC"},     {"MULTI"},  {"WATCH", "k"},       {"DISCARD"}, {"GET"},
        {"SET", "k"}, {"NOSUCH"}, {"CLIENT", "NOSUCH"}, {"CLIENT"},  {"merge", "k", "x"},
        {""}};
    for (const auto& command : hostile) {
        transaction({{"SET", "k", "1"}, command});
        const std::vector<std::string> replies = take();
        ASSERT_EQ(replies.size(), 1u) << command[0];
        EXPECT_THAT(replies[0], StartsWith("-EXECABORT")) << command[0];
    }
    run({"GET", "k"});
    EXPECT_THAT(take(), ElementsAre("$-1\r\n"));
}

TEST_F(Executor, MalformedCellsAreRefusedWhole) {
    begin();
    const std::string good = cell_of("v", 99, stamp_now());
    run_internal(kMergeCommand, {"merge", "a", good, "b", "nonsense"});
    run_internal(kMergeCommand, {"merge", "a", ""});
    run_internal(kMergeCommand, {"merge", "a", good, "b"});
    run_internal(kMergeCommand, {"merge", "a", cell_of("v", 99, stamp_now(48 * 3600 * 1000))});
    for (const std::string& reply : take()) EXPECT_THAT(reply, StartsWith("-ERR"));
    run({"EXISTS", "a"});
    EXPECT_THAT(take(), ElementsAre(":0\r\n"));
}

TEST_F(Executor, AMergedStampIsBelowTheNextOfOurs) {
    begin();
    const Stamp ahead = stamp_now(300);
    run_internal(kMergeCommand, {"merge", "a", cell_of("v", 99, ahead)});
    EXPECT_GE(core().stamps.last(), ahead);
    // But nobody drags the clock along.
    run_internal(kMergeCommand, {"merge", "b", cell_of("v", 99, stamp_now(3600 * 1000))});
    EXPECT_LT(core().stamps.last(), stamp_now(1000));
}

TEST_F(Executor, MayDieWhileACommandWaits) {
    begin();
    ShardLock& lock = node->core().store->shard_lock(shard_of_key("k"));
    ASSERT_TRUE(lock.try_lock());
    run({"SET", "k", "v"});
    run({"GET", "k"});
    executor_ = nullptr;
    lock.unlock();
    settle();
    EXPECT_THAT(take(), IsEmpty());
    EXPECT_THAT(connect()("GET k"), HasSubstr("$-1"));
}

TEST_F(Executor, ManyOfThemAtOnceKeepTheirOrder) {
    begin({"--appendfsync", "always"});
    for (int i = 0; i < 200; ++i) {
        run({"INCR", "n"});
        if (i % 7 == 0) node->sync_step();
        if (i % 11 == 0) settle();
    }
    node->sync_step();
    settle();
    const std::vector<std::string> replies = take();
    ASSERT_EQ(replies.size(), 200u);
    for (int i = 0; i < 200; ++i)
        EXPECT_EQ(replies[static_cast<size_t>(i)], ":" + std::to_string(i + 1) + "\r\n");
}

}  // namespace
}  // namespace torc

#include "node/reply_queue.h"

#include <gtest/gtest.h>

#include "node/client_core.h"
#include "node/worker_core.h"
#include "tests/node/node_fixture.h"

namespace torc {
namespace {

class WakePort final : public ClientPort {
  public:
    void wake() override { ++wakes; }
    void send() override {}
    void close(bool) override {}
    int wakes = 0;
};

class Replies : public NodeFixture {
  protected:
    void SetUp() override {
        start();
        client_ = std::make_unique<ClientCore>(workers[0]->core(), port_, std::make_unique<ClientState>());
        queue_ = client_->replies;
    }
    void TearDown() override {
        client_ = nullptr;
        stop();
    }
    std::string take() {
        std::string all(client_->output.view());
        client_->output.consume(all.size());
        return all;
    }

    WakePort port_;
    std::unique_ptr<ClientCore> client_;
    std::shared_ptr<ReplyQueue> queue_;
};

TEST_F(Replies, LeaveInTheOrderOfTheirCommands) {
    const ReplyTicket first(queue_, queue_->push_pending("a", 1, 1));
    queue_->push_ready("b", 7, 0, 1);
    const ReplyTicket third(queue_, queue_->push_pending("old", 3, 2));
    const ReplyTicket fourth(queue_, queue_->push_pending("d", 2, 2));
    EXPECT_EQ(queue_->size(), 4u);
    fourth.complete();
    third.complete("c");
    EXPECT_EQ(take(), "");
    EXPECT_EQ(client_->seen_lsn, 0u);
    first.complete();
    EXPECT_EQ(take(), "abcd");
    EXPECT_TRUE(queue_->empty());
    // What they depend on came with them.
    EXPECT_EQ(client_->seen_lsn, 7u);
    EXPECT_EQ(client_->own_lsn, 2u);
    EXPECT_EQ(client_->unmarked_replies, 4u);
}

TEST_F(Replies, ATicketWorksOnce) {
    const ReplyTicket first(queue_, queue_->push_pending("a", 0, 0));
    const ReplyTicket second(queue_, queue_->push_pending("b", 0, 0));
    second.complete("B");
    second.complete("again");
    first.complete();
    first.complete("again");
    second.fail("LATE");
    EXPECT_EQ(take(), "aB");
    const ReplyTicket third(queue_, queue_->push_pending("", 0, 0));
    first.complete("again");
    EXPECT_EQ(take(), "");
    third.fail("INDOUBT maybe");
    EXPECT_EQ(take(), "-INDOUBT maybe\r\n");
}

TEST_F(Replies, TicketsOutliveTheConnection) {
    const ReplyTicket ticket(queue_, queue_->push_pending("a", 0, 0));
    EXPECT_EQ(ticket.client(), client_.get());
    client_ = nullptr;
    EXPECT_EQ(ticket.client(), nullptr);
    ticket.complete();
    ticket.complete("x");
    ticket.fail("x");
    EXPECT_EQ(ReplyTicket().client(), nullptr);
}

TEST_F(Replies, WhoWaitsForThemIsWokenWhenTheLastIsIn) {
    const ReplyTicket first(queue_, queue_->push_pending("a", 0, 0));
    const ReplyTicket second(queue_, queue_->push_pending("b", 0, 0));
    client_->pause = Pause::replies;
    first.complete();
    EXPECT_EQ(port_.wakes, 0);
    second.complete();
    EXPECT_EQ(port_.wakes, 1);
    client_->pause = Pause::none;
}

TEST_F(Replies, MarkWhereEachEndsForAnExecutor) {
    std::deque<uint64_t> boundaries;
    client_->boundaries = &boundaries;
    const ReplyTicket first(queue_, queue_->push_pending("", 0, 0));
    queue_->push_ready("bb", 0, 0, 1);
    first.complete();
    ASSERT_EQ(boundaries.size(), 2u);
    // An empty reply has an end of its own, beyond what left before it.
    EXPECT_GT(boundaries[0], 0u);
    EXPECT_GT(boundaries[1], boundaries[0]);
    EXPECT_EQ(boundaries[1], client_->output.size());
    client_->boundaries = nullptr;
}

TEST_F(Replies, WhatWaitsForALogThatFailsIsInDoubtOneByOne) {
    std::deque<uint64_t> boundaries;
    client_->boundaries = &boundaries;
    const auto reply = [&](std::string_view bytes, Lsn lsn) {
        const ReplyTicket ticket(queue_, queue_->push_pending(std::string(bytes), lsn, lsn));
        ticket.complete();
        client_->mark_replies();
    };
    const Lsn never = workers[0]->core().node.store->log().last_lsn() + (1ull << 40);
    reply("+free\r\n", 0);
    const size_t free_bytes = client_->sendable();
    EXPECT_GT(free_bytes, 0u);
    reply("", never);
    reply("+held\r\n", never + 1);
    EXPECT_EQ(client_->sendable(), free_bytes);
    ASSERT_EQ(boundaries.size(), 3u);
    // Not marked yet: nothing is known of what it depends on, so it stays as it is, behind the others.
    const ReplyTicket late(queue_, queue_->push_pending("+late\r\n", 0, 0));
    late.complete();
    client_->answer_in_doubt();
    ASSERT_EQ(boundaries.size(), 4u);
    client_->mark_replies();
    EXPECT_EQ(client_->sendable(), client_->output.size());
    std::vector<std::string> replies;
    uint64_t begin = 0;
    for (const uint64_t end : boundaries) {
        replies.emplace_back(client_->output.view().substr(begin, end - begin));
        begin = end;
    }
    EXPECT_EQ(begin, client_->output.size());
    EXPECT_EQ(replies[0].substr(0, 5), "+free");
    EXPECT_EQ(replies[1].substr(0, 8), "-INDOUBT");
    EXPECT_EQ(replies[2].substr(0, 8), "-INDOUBT");
    EXPECT_EQ(replies[3].substr(0, 5), "+late");
    client_->boundaries = nullptr;
}

}  // namespace
}  // namespace torc

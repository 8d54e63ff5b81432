// CORRECTNESS 16: who trims a context, and when not.
#include "node/trimmer.h"

#include <gmock/gmock.h>

#include "base/config.h"
#include "repl/cell_codec.h"
#include "repl/cell_trim.h"
#include "tests/node/cell_recount.h"
#include "tests/node/cluster_fixture.h"

namespace torc {
namespace {

using testing::HasSubstr;

class Trims : public ClusterFixture {
  protected:
    static constexpr ActorId kActorB = 0xb0, kActorC = 0xc0;

    void begin() {
        start_cluster({kB, kC}, {"--tombstone-horizon", "60"});
        peer(kB).actor = kActorB;
        peer(kC).actor = kActorC;
        publish();
        see();
        key_ = key_with_owners({self});
    }
    void see() { core().actors.see(std::vector<ActorId>{core().actor, kActorB, kActorC}, now_ms()); }
    int64_t now_ms() { return clock.monotonic_ns() / 1'000'000; }
    /// A counter or value to which a node has written in so many of its runs.
    std::string old_cell(int runs, bool counter = false) {
        std::string cell, next;
        for (int i = 0; i < runs; ++i) {
            const WriteStamp stamp{1000 + static_cast<ActorId>(i), stamp_now() + static_cast<Stamp>(i)};
            if (counter)
                EXPECT_TRUE(write_add(next, cell, stamp, 1));
            else
                write_value(next, cell, stamp, "v", kNoExpiry);
            append_replicated(cell = {}, next);
        }
        return cell;
    }
    void receive(const std::string& cell) {
        feed(*link_of(kB, false), frame_of(MergeMessage{1, MergeReason::write, change_of(key_, cell)}));
        (void)sent_to(kB, false);
    }
    std::string mine() {
        const Record* record =
            node->core().store->lookup(0, make_key_ref(key_, node->core().store->hash_seed())).record;
        std::string cell;
        if (record != nullptr) append_replicated(cell, record->value());
        return cell;
    }
    void forget_what_was_sent() {
        for (const NodeId id : {kB, kC}) (void)sent_to(id);
    }
    /// Writes to the key, and acknowledges it.
    void write(const std::string& command) {
        Connection& client = connect();
        (void)client(command);
        acknowledge();
    }
    void acknowledge() {
        for (const NodeId id : {kB, kC})
            for (const Sent& sent : sent_to(id, BusKind::merge)) ack(id, sent.op());
    }
    /// The members are asked for the key, and answer so.
    bool asked(const std::string& at_b, const std::string& at_c) {
        pass_ms(100);
        bool all = true;
        for (const auto& [id, cell] : {std::pair(kB, at_b), std::pair(kC, at_c)}) {
            const std::vector<Sent> reads = sent_to(id, BusKind::read);
            all &= reads.size() == 1;
            for (const Sent& read : reads) {
                const std::string changes = cell.empty() ? std::string() : change_of(key_, cell);
                answer(id, ReadReply{read.op(), BusStatus::done, 0, changes});
            }
        }
        return all;
    }
    std::string key_;
};

TEST_F(Trims, ALongContextOfEndedActorsIsCutToWhatIsAtWork) {
    begin();
    receive(old_cell(10));
    clock.advance_ms(61'000);
    write("SET " + key_ + " w");
    const std::string before = mine();
    ASSERT_EQ(listed_entries(before), 11u);
    ASSERT_TRUE(asked(before, before));
    EXPECT_EQ(listed_entries(mine()), 1u);
    const std::vector<Sent> told = sent_to(kB, BusKind::merge);
    ASSERT_EQ(told.size(), 1u);
    std::string_view changes = decode_merge(told[0].body)->changes;
    EXPECT_EQ(next_change(changes)->cell, mine());
    EXPECT_EQ(core().counters.entries_retired.load(), 10u);
    EXPECT_EQ(CellView::parse(mine())->plain_value(), "w");
    expect_recount(*node->core().store, core());
}

TEST_F(Trims, AnOwnerThatLagsBehindHinders) {
    begin();
    receive(old_cell(10));
    clock.advance_ms(61'000);
    write("SET " + key_ + " w");
    ASSERT_TRUE(asked(mine(), {}));
    EXPECT_EQ(listed_entries(mine()), 11u) << "an owner has no copy";
    clock.advance_ms(3'000);
    write("SET " + key_ + " w");
    ASSERT_TRUE(asked(mine(), old_cell(3))) << "and who knows what this node doesn't";
    EXPECT_EQ(listed_entries(mine()), 11u);
}

TEST_F(Trims, OnlyWhatAllOwnersCoverGoes) {
    begin();
    std::string first, first_sent, cell;
    write_value(first, {}, {1, stamp_now()}, "v", kNoExpiry);
    append_replicated(cell, first);
    for (ActorId actor = 2; actor <= 6; ++actor) {
        std::string next;
        write_value(next, cell, {actor, stamp_now() + actor}, "v", kNoExpiry);
        append_replicated(cell = {}, next);
    }
    receive(cell);
    clock.advance_ms(61'000);
    write("SET " + key_ + " w");
    append_replicated(first_sent, first);
    ASSERT_TRUE(asked(mine(), first_sent));
    EXPECT_EQ(listed_entries(mine()), 6u) << "C has seen one of the six";
}

TEST_F(Trims, RecentActorsStay) {
    begin();
    receive(old_cell(10));
    clock.advance_ms(29'000);
    write("SET " + key_ + " w");
    pass_ms(100);
    EXPECT_TRUE(sent_to(kB, BusKind::read).empty()) << "it hasn't been up for half of the horizon";
    clock.advance_ms(10'000);
    write("SET " + key_ + " w");
    pass_ms(100);
    EXPECT_TRUE(sent_to(kB, BusKind::read).empty()) << "written to within the horizon";
}

TEST_F(Trims, NobodyIsAskedWhileSomebodyIsAway) {
    begin();
    receive(old_cell(10));
    clock.advance_ms(61'000);
    alive(kC, Liveness::suspect);
    publish();
    write("SET " + key_ + " w");
    pass_ms(100);
    EXPECT_TRUE(sent_to(kB, BusKind::read).empty());
}

TEST_F(Trims, NorWhileSomebodyWouldNotUnderstandTheResult) {
    begin();
    receive(old_cell(10));
    clock.advance_ms(61'000);
    link_of(kC)->speaks = kFloorsSince - 1;
    write("SET " + key_ + " w");
    const std::string before = mine();
    EXPECT_FALSE(asked(before, before));
    EXPECT_EQ(listed_entries(mine()), 11u);
}

TEST_F(Trims, ACounterBecomesAValueFirstAndKeepsItsSum) {
    begin();
    receive(old_cell(10, true));
    clock.advance_ms(61'000);
    write("INCR " + key_);
    const std::string before = mine();
    ASSERT_TRUE(asked(before, before));
    acknowledge();
    EXPECT_EQ(CellView::parse(mine())->plain_value(), "11");
    EXPECT_EQ(listed_entries(mine()), 11u);
    clock.advance_ms(3'000);
    write("INCR " + key_);
    const std::string folded = mine();
    ASSERT_TRUE(asked(folded, before)) << "who hasn't heard of the value has seen what it sums up";
    EXPECT_EQ(listed_entries(mine()), 1u);
    std::string sum;
    EXPECT_EQ(CellView::parse(mine())->value(sum), "12");
}

}  // namespace
}  // namespace torc

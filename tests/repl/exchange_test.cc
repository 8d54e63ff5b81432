#include "repl/exchange.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "base/rng.h"
#include "cluster/slots.h"
#include "tests/repl/fake_exchange_copy.h"

namespace torc {
namespace {

using State = Exchange::State;

const ShardId kShard = shard_of(key_slot("{tag}"));

std::string tagged(size_t i) {
    return "{tag}" + std::to_string(i);
}

/// Carries one exchange to its end. `between`: called before each step and each answer.
State run(Exchange& exchange, ExchangeCopy& responder, const std::function<void()>& between = [] {}) {
    size_t patience = 100'000;  // steps in a row that answer "later"
    for (State state;;) {
        between();
        state = exchange.step();
        if (state == State::done || state == State::failed) return state;
        if (state == State::later) {
            if (--patience == 0) return state;
            continue;
        }
        EXPECT_EQ(state, State::request);
        const std::string request = exchange.next_request();
        EXPECT_EQ(exchange.step(), State::waiting);
        std::optional<std::string> reply;
        do {
            between();
            reply = answer_exchange(responder, request);
            if (!reply || --patience == 0) return State::failed;
        } while (reply->empty());
        exchange.on_reply(*reply);
    }
}

/// One exchange over every shard; what they cost together.
ExchangeStats exchange_all(FakeExchangeCopy& from, FakeExchangeCopy& to) {
    ExchangeStats sum;
    for (unsigned shard = 0; shard < kShards; ++shard) {
        Exchange exchange(from, static_cast<ShardId>(shard));
        EXPECT_EQ(run(exchange, to), State::done);
        const ExchangeStats& stats = exchange.stats();
        sum.requests += stats.requests;
        sum.bytes_out += stats.bytes_out;
        sum.bytes_in += stats.bytes_in;
        sum.keys_compared += stats.keys_compared;
        sum.keys_differing += stats.keys_differing;
        sum.pushed += stats.pushed;
        sum.pulled += stats.pulled;
    }
    return sum;
}

/// Random writes under a few hundred keys of one shard, so that both sides often hold the same key.
void write_randomly(FakeExchangeCopy& copy, Rng& rng, int writes) {
    for (int i = 0; i < writes; ++i) copy.set(tagged(rng.below(300)), "v" + std::to_string(rng.below(1000)));
}

TEST(Exchange, EqualCopiesCostOneRequest) {
    FakeExchangeCopy a, b;
    for (size_t i = 0; i < 100; ++i) a.set(tagged(i), "x"), b.set(tagged(i), "x");
    Exchange exchange(a, kShard);
    EXPECT_EQ(run(exchange, b), State::done);
    EXPECT_TRUE(exchange.was_equal());
    EXPECT_EQ(exchange.shard(), kShard);
    EXPECT_EQ(exchange.stats().requests, 1u);
    EXPECT_LT(exchange.stats().bytes_out + exchange.stats().bytes_in, 20u);
    EXPECT_EQ(b.listed + b.merges, 0u);
}

TEST(Exchange, MovesEachKindOfDifference) {
    FakeExchangeCopy a, b;
    a.set("{tag}mine", "a");
    b.set("{tag}theirs", "b");
    a.set("{tag}newer here", "2"), b.set("{tag}newer here", "1");
    a.set("{tag}newer there", "1"), b.set("{tag}newer there", "2");
    a.set("{tag}same", "="), b.set("{tag}same", "=");
    Exchange exchange(a, kShard);
    EXPECT_EQ(run(exchange, b), State::done);
    EXPECT_EQ(a.all(), b.all());
    EXPECT_EQ(a.cell("{tag}newer here") + a.cell("{tag}newer there"), "22");
    EXPECT_EQ(a.all().size(), 5u);
    EXPECT_FALSE(exchange.was_equal());
    const ExchangeStats& stats = exchange.stats();
    EXPECT_EQ(stats.keys_differing, 4u);
    EXPECT_EQ(stats.pulled, 3u) << "what both have is pulled first";
    EXPECT_EQ(stats.pushed, 2u) << "and pushed only when the peer's isn't the join";
}

TEST(Exchange, RandomCopiesBecomeEqual) {
    for (uint64_t seed = 1; seed <= 200; ++seed) {
        Rng rng(seed);
        FakeExchangeCopy a, b;
        write_randomly(a, rng, static_cast<int>(rng.below(600)));
        write_randomly(b, rng, static_cast<int>(rng.below(600)));
        auto joined = a.all();
        for (const auto& [key, cell] : b.all()) joined[key] = std::max(joined[key], cell);
        Exchange exchange(a, kShard);
        ASSERT_EQ(run(exchange, b), State::done) << "seed " << seed;
        ASSERT_EQ(a.all(), joined) << "seed " << seed;
        ASSERT_EQ(b.all(), joined) << "seed " << seed;
        ASSERT_EQ(a.forest().root(kShard), b.forest().root(kShard)) << "seed " << seed;
    }
}

// Both sides write, lose keys and exchange in both directions at once, in any order. Nothing is made up, and
// as soon as the writes end one pass makes them equal.
TEST(Exchange, ConvergesWhateverHappensMeanwhile) {
    for (uint64_t seed = 1; seed <= 100; ++seed) {
        Rng rng(seed);
        FakeExchangeCopy a, b;
        write_randomly(a, rng, 300);
        write_randomly(b, rng, 300);
        a.later_at(2 + rng.below(20), true);
        b.later_at(2 + rng.below(20), true);
        Exchange forth(a, kShard), back(b, kShard);
        std::string forth_request, back_request;
        const auto advance = [](Exchange& exchange, std::string& request, FakeExchangeCopy& peer) {
            const State state = exchange.step();
            if (state == State::request) request = exchange.next_request();
            if (state == State::waiting) {
                const auto reply = answer_exchange(peer, request);
                ASSERT_TRUE(reply);
                if (!reply->empty()) exchange.on_reply(*reply);
            }
        };
        const auto over = [](Exchange& exchange) {
            const State state = exchange.step();
            EXPECT_NE(state, State::failed);
            return state == State::done || state == State::failed;
        };
        while (!over(forth) || !over(back)) {
            switch (rng.below(6)) {
                case 0:
                case 1:
                    advance(forth, forth_request, b);
                    break;
                case 2:
                case 3:
                    advance(back, back_request, a);
                    break;
                case 4:
                    write_randomly(rng.one_in(2) ? a : b, rng, 1);
                    break;
                case 5:
                    (rng.one_in(2) ? a : b).drop(tagged(rng.below(300)));
                    break;
            }
        }
        Exchange last(a, kShard);
        ASSERT_EQ(run(last, b), State::done) << "seed " << seed;
        ASSERT_EQ(a.all(), b.all()) << "seed " << seed;
        Exchange none(b, kShard);
        ASSERT_EQ(run(none, a), State::done);
        ASSERT_TRUE(none.was_equal()) << "seed " << seed;
    }
}

// ---- later, never

// Whichever call of either side answers "later" once, the exchange waits and loses nothing.
TEST(Exchange, WaitsForWhatCannotBeHadNow) {
    for (const bool at_initiator : {true, false}) {
        for (size_t n = 1;; ++n) {
            ASSERT_LT(n, 10'000u);
            FakeExchangeCopy a, b;
            Rng rng(17);
            write_randomly(a, rng, 200);
            write_randomly(b, rng, 200);
            FakeExchangeCopy& slow = at_initiator ? a : b;
            slow.later_at(n);
            Exchange exchange(a, kShard);
            ASSERT_EQ(run(exchange, b), State::done) << n;
            ASSERT_EQ(a.all(), b.all()) << n;
            if (slow.calls() < n) break;  // there's no n-th call
        }
    }
}

TEST(Exchange, GoesOnWhenEverySecondCallSaysLater) {
    FakeExchangeCopy a, b;
    Rng rng(18);
    write_randomly(a, rng, 500);
    write_randomly(b, rng, 500);
    a.later_at(2, true);
    b.later_at(2, true);
    Exchange exchange(a, kShard);
    EXPECT_EQ(run(exchange, b), State::done);
    EXPECT_EQ(a.all(), b.all());
}

TEST(Exchange, SaysLaterAsLongAsItMust) {
    FakeExchangeCopy a, b;
    a.set("{tag}k", "1");
    b.set("{tag}k", "2");
    a.always_later(true);
    Exchange exchange(a, kShard);
    EXPECT_EQ(run(exchange, b), State::later);
    a.always_later(false);
    EXPECT_EQ(run(exchange, b), State::done);
    EXPECT_EQ(a.cell("{tag}k"), "2");
}

// Given up after any number of messages: nothing is lost, and a new one does the rest.
TEST(Exchange, MayBeAbandonedAtAnyMoment) {
    for (int messages = 0;; ++messages) {
        FakeExchangeCopy a, b;
        Rng rng(19);
        write_randomly(a, rng, 300);
        write_randomly(b, rng, 300);
        auto joined = a.all();
        for (const auto& [key, cell] : b.all()) joined[key] = std::max(joined[key], cell);
        bool finished = false;
        {
            Exchange exchange(a, kShard);
            for (int i = 0; i < messages && !finished; ++i) {
                const State state = exchange.step();
                ASSERT_NE(state, State::failed);
                finished = state == State::done;
                if (finished) break;
                const std::string request = exchange.next_request();
                if (++i < messages) exchange.on_reply(*answer_exchange(b, request));
            }
        }
        Exchange again(a, kShard);
        ASSERT_EQ(run(again, b), State::done);
        ASSERT_EQ(a.all(), joined) << messages;
        ASSERT_EQ(b.all(), joined) << messages;
        if (finished) break;
    }
}

TEST(Exchange, ADuplicatedRequestChangesNothing) {
    FakeExchangeCopy a, b;
    Rng rng(20);
    write_randomly(a, rng, 300);
    write_randomly(b, rng, 300);
    Exchange exchange(a, kShard);
    for (State state; (state = exchange.step()) != State::done;) {
        ASSERT_EQ(state, State::request);
        const std::string request = exchange.next_request();
        ASSERT_TRUE(answer_exchange(b, request));
        exchange.on_reply(*answer_exchange(b, request));
    }
    EXPECT_EQ(a.all(), b.all());
}

// ---- cost

constexpr size_t kKeys = 200'000;

struct Replicas {
    Replicas() {
        for (size_t i = 0; i < kKeys; ++i) {
            const std::string key = "key:" + std::to_string(i);
            a.set(key, "value");
            b.set(key, "value");
        }
    }
    void differ(size_t keys) {
        for (size_t i = 0; i < keys; ++i) {
            a.set("key:" + std::to_string(i * (kKeys / keys)), "value " + std::to_string(keys));
        }
    }
    FakeExchangeCopy a, b;
};

TEST(Exchange, CostsInProportionToTheDifference) {
    Replicas replicas;
    const ExchangeStats nothing = exchange_all(replicas.a, replicas.b);
    EXPECT_EQ(nothing.requests, kShards);
    EXPECT_LE(nothing.bytes_out + nothing.bytes_in, kShards * 16u);
    EXPECT_EQ(nothing.keys_compared, 0u);

    for (const size_t differing : {size_t{1}, size_t{100}, size_t{10'000}}) {
        replicas.differ(differing);
        replicas.b.listed = replicas.b.merges = 0;
        const ExchangeStats cost = exchange_all(replicas.a, replicas.b);
        const uint64_t bytes = cost.bytes_out + cost.bytes_in - nothing.bytes_out - nothing.bytes_in;
        EXPECT_EQ(cost.keys_differing, differing);
        EXPECT_EQ(cost.pulled, differing);
        EXPECT_EQ(cost.pushed, differing);
        EXPECT_LE(cost.requests - nothing.requests, 4 * std::min<size_t>(differing, kShards));
        // Two hash lists of 16 words, and the key, its neighbours in the leaf, its cell both ways.
        EXPECT_LE(bytes, 500 * differing) << differing;
        EXPECT_LE(cost.keys_compared, 5 * differing) << differing;
        EXPECT_LE(replicas.b.listed, 5 * differing) << differing;
        EXPECT_EQ(replicas.b.merges, differing);
    }
    EXPECT_EQ(replicas.a.all(), replicas.b.all());
}

TEST(Exchange, ANewReplicaIsFilledAtLittleMoreThanItsData) {
    for (const bool from_empty : {true, false}) {
        FakeExchangeCopy full, empty;
        size_t data = 0;
        for (size_t i = 0; i < 20'000; ++i) {
            const std::string key = "{tag}key:" + std::to_string(i), cell(100, 'x');
            full.set(key, cell);
            data += key.size() + cell.size();
        }
        Exchange exchange(from_empty ? empty : full, kShard);
        ASSERT_EQ(run(exchange, from_empty ? full : empty), State::done);
        EXPECT_EQ(empty.all(), full.all());
        const ExchangeStats& stats = exchange.stats();
        EXPECT_EQ(stats.pulled, from_empty ? 20'000u : 0u);
        EXPECT_EQ(stats.pushed, from_empty ? 0u : 20'000u);
        EXPECT_LE(stats.bytes_in + stats.bytes_out, data * 3 / 2);
    }
}

// 50,000 keys with one hash tag: one slot, a sixteenth of them in each leaf.
TEST(Exchange, AHugeSlotIsNarrowedDown) {
    FakeExchangeCopy a, b;
    for (size_t i = 0; i < 50'000; ++i) a.set(tagged(i), "v"), b.set(tagged(i), "v");
    a.set(tagged(7), "w");
    Exchange one(a, kShard);
    ASSERT_EQ(run(one, b), State::done);
    EXPECT_EQ(one.stats().keys_differing, 1u);
    EXPECT_LE(one.stats().bytes_in + one.stats().bytes_out, 3000u) << "not a list of the leaf";
    EXPECT_LE(one.stats().requests, 6u);
    EXPECT_LE(one.stats().keys_compared, 64u);

    for (size_t i = 0; i < 50'000; ++i) (i % 2 != 0 ? a : b).set(tagged(i), "x");
    Exchange every(a, kShard);
    ASSERT_EQ(run(every, b), State::done);
    EXPECT_EQ(every.stats().keys_differing, 50'000u);
    EXPECT_EQ(a.all(), b.all());
    EXPECT_EQ(a.forest().root(kShard), b.forest().root(kShard));
}

// ---- pages

TEST(Exchange, PagesKeepToTheirBounds) {
    FakeExchangeCopy a, b;
    for (size_t i = 0; i < 3000; ++i) {
        (i % 2 != 0 ? a : b).set(tagged(i) + std::string(200, 'k'), std::string(2000, 'v'));
    }
    Exchange exchange(a, kShard);
    for (State state; (state = exchange.step()) != State::done;) {
        ASSERT_EQ(state, State::request);
        const std::string request = exchange.next_request();
        const std::string reply = *answer_exchange(b, request);
        const size_t bound = Exchange::kPageBytes + 6 * Exchange::kPageKeys;
        EXPECT_LE(request.size(), bound);
        EXPECT_LE(reply.size(), bound);
        exchange.on_reply(reply);
    }
    EXPECT_EQ(a.all(), b.all());
}

TEST(Exchange, ACellLargerThanAPageGoesAlone) {
    FakeExchangeCopy a, b;
    const std::string large(3 * Exchange::kPageBytes, 'L');
    for (size_t i = 0; i < 20; ++i) {
        a.set(tagged(i), i % 5 == 0 ? large : "small");
        b.set(tagged(100 + i), i % 5 == 0 ? large : "small");
    }
    Exchange exchange(a, kShard);
    ASSERT_EQ(run(exchange, b), State::done);
    EXPECT_EQ(a.all(), b.all());
    EXPECT_EQ(a.all().size(), 40u);
}

TEST(Exchange, KeysLargerThanAPage) {
    FakeExchangeCopy a, b;
    for (size_t i = 0; i < 70; ++i) {
        (i % 2 != 0 ? a : b).set(tagged(i) + std::string(Exchange::kPageBytes + i, 'K'), "v");
    }
    Exchange exchange(a, kShard);
    ASSERT_EQ(run(exchange, b), State::done);
    EXPECT_EQ(a.all(), b.all());
}

TEST(Exchange, WhatNoFrameCanHoldStaysAndIsCounted) {
    FakeExchangeCopy a, b;
    const std::string huge(64u << 20, 'H');
    a.set("{tag}mine", huge);
    b.set("{tag}theirs", huge);
    a.set("{tag}small", "s");
    Exchange exchange(a, kShard);
    ASSERT_EQ(run(exchange, b), State::done);
    EXPECT_EQ(exchange.stats().too_large, 2u);
    EXPECT_EQ(b.cell("{tag}small"), "s");
    EXPECT_EQ(b.cell("{tag}mine"), "");
    EXPECT_EQ(a.cell("{tag}theirs"), "");
}

// 32-byte keys that begin with the first word of XXH3's secret: its first product is zero, so the 8 bytes
// behind don't count. Whoever knows that can put any number of keys into one range that can't be narrowed.
TEST(Exchange, KeysOfOneHashComeInPages) {
    FakeExchangeCopy a, b;
    const std::string head = "\xb8\xfe\x6c\x39\x23\xa4\x4b\xbe", tail = "{tag}01234567890";
    const auto colliding = [&](size_t i) {
        std::string middle = std::to_string(i);
        return head + std::string(8 - middle.size(), '0') + middle + tail;
    };
    ASSERT_EQ(merkle_key_hash(colliding(1)), merkle_key_hash(colliding(2)));
    const size_t count = 2 * Exchange::kPageKeys + 500;
    size_t differing = 0;
    for (size_t i = 0; i < count; ++i) {
        if (i % 3 != 0) a.set(colliding(i), i % 7 == 0 ? "1" : "2");
        if (i % 3 != 1) b.set(colliding(i), i % 11 == 0 ? "1" : "2");
        differing += a.cell(colliding(i)) != b.cell(colliding(i));
    }
    Exchange exchange(a, kShard);
    ASSERT_EQ(run(exchange, b), State::done);
    EXPECT_EQ(exchange.stats().keys_differing, differing) << "each page is compared with its part alone";
    EXPECT_EQ(a.all(), b.all());
    EXPECT_EQ(a.forest().root(kShard), b.forest().root(kShard));
}

}  // namespace
}  // namespace torc

// What a hostile or damaged peer may say in an exchange: refused, or harmless.
#include "repl/exchange_message.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "base/rng.h"
#include "cluster/slots.h"
#include "tests/repl/fake_exchange_copy.h"

namespace torc {
namespace {

using State = Exchange::State;

const SlotId kSlot = key_slot("{tag}");
const ShardId kShard = shard_of(kSlot);

std::string tagged(size_t i) {
    return "{tag}" + std::to_string(i);
}

/// A pair of copies whose exchange uses every message.
struct Pair {
    Pair() {
        for (size_t i = 0; i < 1600; ++i) {
            if (i % 3 != 0) a.set(tagged(i), "a" + std::to_string(i % 5));
            if (i % 3 != 1) b.set(tagged(i), "a" + std::to_string(i % 7));
        }
    }
    FakeExchangeCopy a, b;
};

struct Conversation {
    std::vector<std::string> requests, replies;
};

Conversation one_conversation() {
    Pair pair;
    Conversation said;
    Exchange exchange(pair.a, kShard);
    while (exchange.step() == State::request) {
        said.requests.push_back(exchange.next_request());
        said.replies.push_back(*answer_exchange(pair.b, said.requests.back()));
        exchange.on_reply(said.replies.back());
    }
    EXPECT_EQ(exchange.step(), State::done);
    return said;
}

std::string damaged(const std::string& bytes, Rng& rng) {
    std::string out = bytes;
    switch (rng.below(4)) {
        case 0:
            out.resize(rng.below(out.size() + 1));
            break;
        case 1:
            out += static_cast<char>(rng.next());
            break;
        case 2:
            if (!out.empty()) out[rng.below(out.size())] = static_cast<char>(rng.next());
            break;
        default:
            // The first bytes say most.
            if (!out.empty()) {
                char& c = out[rng.below(std::min<size_t>(out.size(), 12))];
                c = static_cast<char>(c ^ (1 << rng.below(8)));
            }
            break;
    }
    return out;
}

TEST(ExchangeMessage, TheConversationHasEveryMessage) {
    std::set<char> types;
    const Conversation said = one_conversation();
    for (const std::string& request : said.requests) types.insert(request[0]);
    EXPECT_EQ(types.size(), 5u);
}

TEST(ExchangeMessage, TruncatedRequestsAreRefused) {
    Pair pair;
    for (const std::string& request : one_conversation().requests) {
        for (size_t n = 0; n < request.size(); n += 1 + n / 64) {
            EXPECT_FALSE(parse_exchange_request(std::string_view(request).substr(0, n))) << n;
        }
        EXPECT_FALSE(parse_exchange_request(request + "x"));
        EXPECT_TRUE(parse_exchange_request(request));
    }
}

TEST(ExchangeMessage, RequestsAboutOtherShardsAreRefused) {
    FakeExchangeCopy copy;
    const ShardId other = kShard ^ 1;
    EXPECT_FALSE(answer_exchange(copy, encode(PushRequest{other, {{"{tag}k", "v"}}})));
    EXPECT_FALSE(answer_exchange(copy, encode(PullRequest{other, {"{tag}k"}})));
    EXPECT_TRUE(answer_exchange(copy, encode(PullRequest{kShard, {"{tag}k"}})));
    EXPECT_FALSE(answer_exchange(copy, encode(RootsRequest{kShards, 0}))) << "there's no such shard";
    EXPECT_EQ(copy.merges, 0u);
}

TEST(ExchangeMessage, RequestsOutOfBoundsAreRefused) {
    FakeExchangeCopy copy;
    const KeyRange leaf{kSlot, 3, 0, 0};
    const auto refused = [&](const auto& request) { return !answer_exchange(copy, encode(request)); };
    EXPECT_FALSE(refused(RangesRequest{kShard, {leaf}, {}}));
    EXPECT_TRUE(refused(RangesRequest{kShard, {}, {}})) << "about nothing";
    EXPECT_TRUE(refused(RangesRequest{kShard, std::vector(kMaxRangesAsked + 1, leaf), {}}));
    EXPECT_TRUE(refused(RangesRequest{kShard, {{kSlot, 3, kDeepestRange + 1, 0}}, {}}));
    EXPECT_TRUE(refused(RangesRequest{kShard, {{kSlot, 3, 1, 64}}, {}})) << "a prefix longer than its depth";
    EXPECT_TRUE(refused(RangesRequest{kShard, {leaf}, tagged(1)})) << "only the deepest have pages";
    EXPECT_TRUE(refused(PushRequest{kShard, {}}));
    EXPECT_TRUE(refused(PullRequest{kShard, {}}));
    EXPECT_TRUE(
        refused(PullRequest{kShard, std::vector<std::string_view>(Exchange::kPageKeys + 1, "{tag}")}));
}

TEST(ExchangeMessage, RandomRequestsHarmNothing) {
    constexpr uint64_t kSeed = 31;
    Rng rng(kSeed);
    const Conversation said = one_conversation();
    Pair pair;
    for (int round = 0; round < 5'000; ++round) {
        std::string bytes(rng.below(40), '\0');
        for (char& c : bytes) c = static_cast<char>(rng.next());
        if (!bytes.empty() && rng.one_in(2)) bytes[0] = static_cast<char>(1 + rng.below(5));
        if (rng.one_in(2)) bytes = damaged(said.requests[rng.below(said.requests.size())], rng);
        const auto reply = answer_exchange(pair.b, bytes);
        if (reply) {
            EXPECT_TRUE(parse_exchange_request(bytes)) << "seed " << kSeed << ", round " << round;
        }
    }
    for (unsigned shard = 0; shard < kShards; ++shard) {
        if (shard != kShard) {
            EXPECT_FALSE(pair.b.shards_merged[shard]) << "a damaged push reached another shard";
        }
    }
}

/// Runs an exchange in which the n-th reply is replaced; what becomes of it.
State with_reply(Pair& pair, size_t n, const std::function<std::string(const std::string&)>& replace) {
    Exchange exchange(pair.a, kShard);
    State state;
    for (size_t i = 0; i < 500 && (state = exchange.step()) == State::request; ++i) {
        const std::string reply = *answer_exchange(pair.b, exchange.next_request());
        exchange.on_reply(i == n ? replace(reply) : reply);
    }
    return state;
}

TEST(ExchangeMessage, DamagedRepliesFailTheExchangeOrHarmNothing) {
    constexpr uint64_t kSeed = 32;
    Rng rng(kSeed);
    const size_t messages = one_conversation().replies.size();
    for (int round = 0; round < 300; ++round) {
        Pair pair;
        const size_t n = rng.below(messages);
        const State state =
            with_reply(pair, n, [&](const std::string& reply) { return damaged(reply, rng); });
        ASSERT_TRUE(state == State::done || state == State::failed)
            << "seed " << kSeed << ", round " << round;
        for (unsigned shard = 0; shard < kShards; ++shard) {
            if (shard != kShard) {
                ASSERT_FALSE(pair.a.shards_merged[shard]);
            }
        }
        // A flipped bit in a cell or hash can't be told from a true one here (frames have checksums), but
        // another exchange makes the copies equal again.
        Exchange again(pair.a, kShard);
        while (again.step() == State::request) {
            again.on_reply(*answer_exchange(pair.b, again.next_request()));
        }
        ASSERT_EQ(pair.a.all(), pair.b.all()) << "seed " << kSeed << ", round " << round;
    }
}

TEST(ExchangeMessage, TruncatedRepliesFailTheExchange) {
    const Conversation said = one_conversation();
    for (size_t n = 0; n < said.replies.size(); ++n) {
        const size_t size = said.replies[n].size();
        for (const size_t keep : {size_t{0}, size_t{1}, size / 2, size - 1}) {
            Pair pair;
            EXPECT_EQ(with_reply(pair, n, [&](const std::string& reply) { return reply.substr(0, keep); }),
                      State::failed)
                << "reply " << n << ", " << keep << " bytes";
        }
    }
}

TEST(ExchangeMessage, RandomRepliesFailTheExchange) {
    constexpr uint64_t kSeed = 33;
    Rng rng(kSeed);
    Pair pair;
    for (int round = 0; round < 2'000; ++round) {
        Exchange exchange(pair.a, kShard);
        ASSERT_EQ(exchange.step(), State::request);
        (void)exchange.next_request();
        std::string bytes(rng.below(64), '\0');
        for (char& c : bytes) c = static_cast<char>(rng.next());
        if (bytes.size() == 2) continue;  // might be "equal"
        exchange.on_reply(bytes);
        ASSERT_EQ(exchange.step(), State::failed) << "seed " << kSeed << ", round " << round;
    }
}

TEST(ExchangeMessage, AReplyThatNobodyAskedForFailsTheExchange) {
    Pair pair;
    Exchange unasked(pair.a, kShard);
    unasked.on_reply("x");
    EXPECT_EQ(unasked.step(), State::failed);

    Exchange twice(pair.a, kShard);
    ASSERT_EQ(twice.step(), State::request);
    const std::string reply = *answer_exchange(pair.b, twice.next_request());
    twice.on_reply(reply);
    twice.on_reply(reply);
    EXPECT_EQ(twice.step(), State::failed);
    twice.on_reply(reply);
    EXPECT_EQ(twice.step(), State::failed);
}

// ---- replies that parse by themselves, but lie

TEST(ExchangeMessage, ListsAreCheckedAgainstWhatWasAsked) {
    const std::string key = tagged(1);
    const uint64_t hash = merkle_key_hash(key);
    const RangesRequest asked{kShard, {{kSlot, static_cast<uint8_t>(hash >> 60), 0, 0}}, {}};
    const auto accepted = [&](const std::vector<ListedKey>& keys, bool more = false) {
        RangeContent content;
        content.keys = keys;
        content.more = more;
        return parse_reply(asked, encode(RangesReply{{content}})).has_value();
    };
    EXPECT_TRUE(accepted({}));
    EXPECT_TRUE(accepted({{key, 1}}));
    EXPECT_FALSE(accepted({{key, 1}, {key, 1}})) << "twice the same";
    EXPECT_FALSE(accepted({{"another slot", 1}}));
    size_t elsewhere = 2;
    while (leaf_of_key(tagged(elsewhere)) == leaf_of_key(key)) ++elsewhere;
    EXPECT_FALSE(accepted({{tagged(elsewhere), 1}})) << "another leaf";
    size_t beside = 2;
    while (leaf_of_key(tagged(beside)) != leaf_of_key(key)) ++beside;
    const bool in_order = hash < merkle_key_hash(tagged(beside));
    EXPECT_EQ(accepted({{key, 1}, {tagged(beside), 1}}), in_order);
    EXPECT_EQ(accepted({{tagged(beside), 1}, {key, 1}}), !in_order);
    EXPECT_FALSE(accepted({{key, 1}}, true)) << "a leaf has no pages";

    RangeContent narrowed;
    narrowed.children.assign(kRangeFanOut, 5);
    EXPECT_TRUE(parse_reply(asked, encode(RangesReply{{narrowed}})));
    EXPECT_FALSE(parse_reply(asked, encode(RangesReply{{narrowed, narrowed}}))) << "more than was asked";
    EXPECT_FALSE(parse_reply(asked, encode(RangesReply{}))) << "nothing is no progress";
    const uint64_t prefix = hash & ((uint64_t{1} << 60) - 1);
    const RangesRequest deepest{kShard, {{kSlot, asked.ranges[0].leaf, kDeepestRange, prefix}}, {}};
    EXPECT_FALSE(parse_reply(deepest, encode(RangesReply{{narrowed}}))) << "can't be narrowed further";
    const RangeContent page{.keys = {{key, 1}}, .more = true, .children = {}};
    EXPECT_TRUE(parse_reply(deepest, encode(RangesReply{{page}})));
    const RangesRequest behind{kShard, deepest.ranges, key};
    EXPECT_TRUE(parse_exchange_request(encode(behind)));
    EXPECT_FALSE(parse_reply(behind, encode(RangesReply{{page}}))) << "the same page again";
}

TEST(ExchangeMessage, CountsAreCheckedAgainstWhatWasAsked) {
    EXPECT_TRUE(parse_push_reply(3, encode(PushReply{3})));
    EXPECT_FALSE(parse_push_reply(3, encode(PushReply{4})));
    EXPECT_FALSE(parse_push_reply(3, encode(PushReply{0})));
    const PulledCell cell{PulledCell::Kind::found, "c"};
    EXPECT_TRUE(parse_pull_reply(2, encode(PullReply{{cell, {}}})));
    EXPECT_FALSE(parse_pull_reply(1, encode(PullReply{{cell, {}}})));
    EXPECT_FALSE(parse_pull_reply(1, encode(PullReply{})));
    const auto leaves = encode(LeavesReply{{{}, {}}});
    EXPECT_TRUE(parse_reply(LeavesRequest{kShard, 0b101}, leaves));
    EXPECT_FALSE(parse_reply(LeavesRequest{kShard, 0b111}, leaves));
    EXPECT_FALSE(parse_reply(LeavesRequest{kShard, 0b001}, leaves));
}

}  // namespace
}  // namespace torc

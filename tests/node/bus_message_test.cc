#include "node/bus_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/coding.h"
#include "base/rng.h"
#include "repl/cell.h"

namespace torc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string a_cell(std::string_view value) {
    std::string cell;
    write_value(cell, {}, {7, 1000 << 16}, value, kNoExpiry);
    return cell;
}

std::string some_changes() {
    std::string changes;
    append_change(changes, "key", a_cell("value"));
    append_change(changes, "", a_cell(""));
    return changes;
}

ForwardMessage a_forward() {
    ForwardMessage forward;
    forward.op = 5;
    forward.session = 9;
    forward.deadline_ms = -12;
    forward.stamp = 1ull << 60;
    forward.resp3 = true;
    forward.joined = true;
    forward.read_level = 2;
    forward.commands = {{"SET", "k", ""}};
    return forward;
}

/// One frame with a message of each kind.
std::string everything() {
    std::string frame;
    append_frame_head(frame, {0x1122334455667788, 42});
    const std::string changes = some_changes();
    append_message(frame, MergeMessage{1, MergeReason::stand_in, changes});
    append_message(frame, AckMessage{2, BusStatus::elsewhere});
    append_message(frame, ReadMessage{3, true, {"a", "", "ccc"}});
    append_message(frame, ReadReply{4, BusStatus::refused, 99, changes});
    append_message(frame, a_forward());
    ForwardMessage transaction = a_forward();
    transaction.transaction = true;
    transaction.commands = {{"SET", "k", "1"}, {"GET", "k"}};
    append_message(frame, transaction);
    append_message(frame, ForwardReply{6, BusStatus::later, "+OK\r\n"});
    append_message(frame, ExchangeMessage{7, BusStatus::done, "roots"}, false);
    append_message(frame, ExchangeMessage{8, BusStatus::later, "x"}, true);
    append_message(frame, SessionEnd{11});
    return frame;
}

/// Decodes as the coordinator does; how many messages made sense, and whether the frame did.
struct Decoded {
    int good = 0;
    bool valid = false;
    std::vector<int> kinds;
};
bool decode(const BusFrameReader::Message& message) {
    switch (message.kind) {
        case BusKind::merge: {
            const auto merge = decode_merge(message.body);
            if (!merge) return false;
            std::string_view rest = merge->changes;
            while (const auto change = next_change(rest)) (void)CellView::parse(change->cell);
            return true;
        }
        case BusKind::ack:
            return decode_ack(message.body).has_value();
        case BusKind::read:
            return decode_read(message.body).has_value();
        case BusKind::read_reply:
            return decode_read_reply(message.body).has_value();
        case BusKind::forward: {
            const auto forward = decode_forward(message.body);
            if (!forward) return false;
            EXPECT_FALSE(forward->commands.empty());
            for (const auto& words : forward->commands) EXPECT_FALSE(words.empty());
            return true;
        }
        case BusKind::forward_reply:
            return decode_forward_reply(message.body).has_value();
        case BusKind::exchange:
        case BusKind::exchange_reply:
            return decode_exchange(message.body).has_value();
        case BusKind::session_end:
            return decode_session_end(message.body).has_value();
        case BusKind::reap:
            return decode_reap(message.body).has_value();
        case BusKind::sync:
            return decode_sync(message.body).has_value();
    }
    ADD_FAILURE() << "a kind that isn't one";
    return false;
}
Decoded walk(std::string_view frame) {
    Decoded decoded;
    BusFrameReader reader(frame);
    while (const auto message = reader.next()) {
        decoded.kinds.push_back(static_cast<int>(message->kind));
        decoded.good += decode(*message) ? 1 : 0;
    }
    decoded.valid = reader.valid();
    return decoded;
}

/// The body of a frame's only message.
template <class Message, class... Extra>
std::string body_of(const Message& message, Extra... extra) {
    std::string frame;
    append_frame_head(frame, {});
    append_message(frame, message, extra...);
    BusFrameReader reader(frame);
    return std::string(reader.next()->body);
}

TEST(BusMessage, AFrameCarriesItsHeadAndAllMessages) {
    const std::string frame = everything();
    BusFrameReader reader(frame);
    EXPECT_EQ(reader.head().cluster_id, 0x1122334455667788u);
    EXPECT_EQ(reader.head().epoch, 42u);
    const Decoded decoded = walk(frame);
    EXPECT_TRUE(decoded.valid);
    EXPECT_EQ(decoded.good, 10);
    EXPECT_THAT(decoded.kinds, ElementsAre(1, 2, 3, 4, 5, 5, 6, 7, 8, 9));
}

TEST(BusMessage, EachComesBackAsItWas) {
    const std::string changes = some_changes();
    const auto merge = decode_merge(body_of(MergeMessage{1, MergeReason::repair, changes}));
    ASSERT_TRUE(merge);
    EXPECT_EQ(merge->op, 1u);
    EXPECT_EQ(merge->reason, MergeReason::repair);

    const auto ack = decode_ack(body_of(AckMessage{~0ull, BusStatus::later}));
    ASSERT_TRUE(ack);
    EXPECT_EQ(ack->op, ~0ull);
    EXPECT_EQ(ack->status, BusStatus::later);

    const std::string partly_body = body_of(AckMessage{7, BusStatus::partly, "\x01\x80"});
    const auto partly = decode_ack(partly_body);
    ASSERT_TRUE(partly);
    EXPECT_EQ(partly->status, BusStatus::partly);
    EXPECT_EQ(partly->refused, "\x01\x80");

    const std::string read_body = body_of(ReadMessage{3, true, {"a", "", "ccc"}});
    const auto read = decode_read(read_body);
    ASSERT_TRUE(read);
    EXPECT_TRUE(read->cells);
    EXPECT_THAT(read->keys, ElementsAre("a", "", "ccc"));

    const std::string reply_body = body_of(ReadReply{4, BusStatus::refused, 99, changes});
    const auto reply = decode_read_reply(reply_body);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, BusStatus::refused);
    EXPECT_EQ(reply->digest, 99u);
    EXPECT_EQ(reply->changes, changes);

    const std::string forward_body = body_of(a_forward());
    const auto forward = decode_forward(forward_body);
    ASSERT_TRUE(forward);
    EXPECT_EQ(forward->session, 9u);
    EXPECT_EQ(forward->deadline_ms, -12);
    EXPECT_EQ(forward->stamp, 1ull << 60);
    EXPECT_TRUE(forward->resp3 && forward->joined);
    EXPECT_FALSE(forward->readonly || forward->transaction);
    EXPECT_EQ(forward->read_level, 2);
    EXPECT_EQ(forward->write_level, ForwardMessage::kDefaultLevel);
    ASSERT_EQ(forward->commands.size(), 1u);
    EXPECT_THAT(forward->commands[0], ElementsAre("SET", "k", ""));

    const std::string done_body = body_of(ForwardReply{6, BusStatus::too_late, "-ERR\r\n"});
    const auto done = decode_forward_reply(done_body);
    ASSERT_TRUE(done);
    EXPECT_EQ(done->bytes, "-ERR\r\n");
    EXPECT_EQ(done->status, BusStatus::too_late);

    const std::string exchange_body = body_of(ExchangeMessage{7, BusStatus::refused, "bytes"}, true);
    const auto exchange = decode_exchange(exchange_body);
    ASSERT_TRUE(exchange);
    EXPECT_EQ(exchange->bytes, "bytes");

    EXPECT_EQ(decode_sync(body_of(SyncMessage{12}))->op, 12u);
    const auto end = decode_session_end(body_of(SessionEnd{11}));
    ASSERT_TRUE(end);
    EXPECT_EQ(end->session, 11u);
}

TEST(BusMessage, ChangesAreCutOneByOneAndLoseTheirLocalFlag) {
    const std::string cell = a_cell("value");
    std::string sent;
    append_replicated(sent, cell);
    const std::string changes = some_changes();
    std::string_view rest = changes;
    const auto first = next_change(rest);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->key, "key");
    EXPECT_EQ(first->cell, sent);
    const auto second = next_change(rest);
    ASSERT_TRUE(second);
    EXPECT_EQ(second->key, "");
    EXPECT_FALSE(next_change(rest));
    EXPECT_THAT(rest, IsEmpty());
    // Malformed: what is left says so.
    for (size_t cut = 1; cut < changes.size(); ++cut) {
        std::string_view part = std::string_view(changes).substr(0, cut);
        while (next_change(part)) {
        }
        EXPECT_EQ(part.empty(), cut == 8 + 3 + sent.size()) << cut;
    }
}

TEST(BusMessage, AFrameCutAnywhereIsMalformedOrEndsBetweenMessages) {
    const std::string frame = everything();
    int between = 0;
    for (size_t cut = 0; cut < frame.size(); ++cut) {
        const std::string part = frame.substr(0, cut);
        const Decoded decoded = walk(part);
        if (decoded.valid) ++between;
        EXPECT_LT(decoded.good, 10) << cut;
    }
    EXPECT_EQ(between, 10);  // after the head and after each message but the last
}

TEST(BusMessage, ABodyCutAnywhereIsRefused) {
    const auto expect_refused = [](const std::string& body, size_t fixed, auto decode_one) {
        EXPECT_TRUE(decode_one(body));
        for (size_t cut = 0; cut < fixed; ++cut)
            EXPECT_FALSE(decode_one(std::string_view(body).substr(0, cut))) << cut;
    };
    const std::string changes = some_changes();
    expect_refused(body_of(MergeMessage{1, MergeReason::write, changes}), 9, decode_merge);
    expect_refused(body_of(ReadReply{4, BusStatus::done, 99, changes}), 17, decode_read_reply);
    expect_refused(body_of(ForwardReply{6, BusStatus::done, "x"}), 9, decode_forward_reply);
    expect_refused(body_of(ExchangeMessage{6, BusStatus::done, "x"}, false), 9, decode_exchange);
    const auto whole = [&](const std::string& body, auto decode_one) {
        expect_refused(body, body.size(), decode_one);
        EXPECT_FALSE(decode_one(body + "x"));
    };
    whole(body_of(AckMessage{1, BusStatus::done}), decode_ack);
    whole(body_of(ReadMessage{3, false, {"a", "", "ccc"}}), decode_read);
    whole(body_of(a_forward()), decode_forward);
    whole(body_of(SessionEnd{3}), decode_session_end);
    whole(body_of(SyncMessage{3}), decode_sync);
}

TEST(BusMessage, TheKeyToPrefetchIsFoundWhereThereIsOne) {
    std::string changes;
    append_change(changes, "first", "cell");
    append_change(changes, "second", "cell");
    ForwardMessage set;
    set.commands = {{"SET", "key", "value"}};
    ForwardMessage ping;
    ping.commands = {{"PING"}};
    const auto key_of = [](BusKind kind, std::string_view body) { return probable_key({kind, body}); };
    const std::pair<BusKind, std::string> with_key[] = {
        {BusKind::merge, body_of(MergeMessage{1, MergeReason::write, changes})},
        {BusKind::read, body_of(ReadMessage{3, false, {"first", "other"}})},
    };
    for (const auto& [kind, body] : with_key) EXPECT_EQ(key_of(kind, body), "first");
    EXPECT_EQ(key_of(BusKind::forward, body_of(set)), "key");
    EXPECT_EQ(key_of(BusKind::forward, body_of(ping)), "");
    EXPECT_EQ(key_of(BusKind::ack, body_of(AckMessage{1, BusStatus::done})), "");
    // Whatever a peer sends, no byte outside of the body is looked at: the sanitizers watch.
    for (const auto& [kind, body] : with_key)
        for (size_t cut = 0; cut < body.size(); ++cut) {
            const std::vector<char> exact(body.begin(), body.begin() + static_cast<long>(cut));
            EXPECT_LE(key_of(kind, {exact.data(), exact.size()}).size(), cut);
        }
    const std::string forward = body_of(set);
    for (size_t cut = 0; cut < forward.size(); ++cut) {
        const std::vector<char> exact(forward.begin(), forward.begin() + static_cast<long>(cut));
        EXPECT_LE(key_of(BusKind::forward, {exact.data(), exact.size()}).size(), cut);
    }
}

TEST(BusMessage, ValuesOutOfRangeAreRefused) {
    std::string ack = body_of(AckMessage{1, BusStatus::later});
    for (const char status : {5, 6}) {
        ack.back() = status;
        EXPECT_FALSE(decode_ack(ack)) << "partly, and nothing named";
    }
    std::string reply = body_of(ForwardReply{1, BusStatus::later, ""});
    reply.back() = 5;
    EXPECT_FALSE(decode_forward_reply(reply)) << "only merges are carried out partly";
    std::string merge = body_of(MergeMessage{1, MergeReason::repair, ""});
    merge.back() = 3;
    EXPECT_FALSE(decode_merge(merge));
    // Kinds.
    for (const int kind : {0, 12, 255}) {
        std::string frame;
        append_frame_head(frame, {});
        append_message(frame, SessionEnd{1});
        frame[BusFrameHead::kSize] = static_cast<char>(kind);
        EXPECT_FALSE(walk(frame).valid) << kind;
    }
    // A level that isn't one would be a quorum of nobody.
    for (const int level : {5, 100, 254}) {
        ForwardMessage read = a_forward(), write = a_forward();
        read.read_level = write.write_level = static_cast<uint8_t>(level);
        EXPECT_FALSE(decode_forward(body_of(read))) << level;
        EXPECT_FALSE(decode_forward(body_of(write))) << level;
    }
    // Nothing to run.
    ForwardMessage nothing = a_forward();
    nothing.commands.clear();
    EXPECT_FALSE(decode_forward(body_of(nothing)));
    // But a transaction may ask only whether what it watches has changed.
    nothing.transaction = true;
    EXPECT_TRUE(decode_forward(body_of(nothing)));
    ForwardMessage no_words = a_forward();
    no_words.commands = {{}};
    EXPECT_FALSE(decode_forward(body_of(no_words)));
    ForwardMessage two = a_forward();
    two.commands = {{"GET", "a"}, {"GET", "b"}};
    EXPECT_FALSE(decode_forward(body_of(two)));
}

TEST(BusMessage, HostileCountsAllocateNothing) {
    // Each says that it has far more than the few bytes that follow; none of it may be believed.
    for (const uint32_t count : {0xffffffffu, 1u << 20, (1u << 20) - 1}) {
        std::string read = body_of(ReadMessage{3, false, {}});
        store_le<uint32_t>(read.data() + 9, count);
        EXPECT_FALSE(decode_read(read));
        std::string longest = body_of(ReadMessage{3, false, {"abc"}});
        store_le<uint32_t>(longest.data() + 13, count);
        EXPECT_FALSE(decode_read(longest));
        ForwardMessage forward = a_forward();
        forward.transaction = true;
        std::string commands = body_of(forward);
        store_le<uint32_t>(commands.data() + 35, count);
        EXPECT_FALSE(decode_forward(commands));
        std::string words = body_of(forward);
        store_le<uint32_t>(words.data() + 39, count);
        EXPECT_FALSE(decode_forward(words));
        std::string changes = some_changes();
        for (const size_t at : {0, 4}) {
            std::string hostile = changes;
            store_le<uint32_t>(hostile.data() + at, count);
            std::string_view rest = hostile;
            EXPECT_FALSE(next_change(rest));
            EXPECT_FALSE(rest.empty());
        }
        std::string frame = everything();
        store_le<uint32_t>(frame.data() + BusFrameHead::kSize + 1, count);
        EXPECT_FALSE(walk(frame).valid);
    }
}

TEST(BusMessage, RandomBytesAndFlippedBitsNeverBreakIt) {
    const uint64_t seed = 20261;
    SCOPED_TRACE(seed);
    Rng rng(seed);
    for (int round = 0; round < 20'000; ++round) {
        std::string bytes(rng.below(80), '\0');
        for (char& byte : bytes) byte = static_cast<char>(rng.next());
        if (bytes.size() > BusFrameHead::kSize && round % 2 == 0) {
            bytes[BusFrameHead::kSize] = static_cast<char>(1 + rng.below(9));
            if (bytes.size() >= BusFrameHead::kSize + 5)
                store_le<uint32_t>(bytes.data() + BusFrameHead::kSize + 1,
                                   static_cast<uint32_t>(bytes.size() - BusFrameHead::kSize - 5));
        }
        (void)walk(bytes);
    }
    const std::string frame = everything();
    for (size_t bit = 0; bit < frame.size() * 8; ++bit) {
        std::string flipped = frame;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << (bit % 8));
        (void)walk(flipped);
    }
}

}  // namespace
}  // namespace torc

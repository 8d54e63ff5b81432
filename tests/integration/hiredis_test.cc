// Debian's hiredis (RESP2) as a client doing ordinary work.
#include <gtest/gtest.h>

#include <string>

#include "torc_process.h"

namespace torc::testing {
namespace {

TEST(Hiredis, OrdinaryWork) {
    TorcProcess server;
    const ContextPtr client = connect_to(server.port());
    ASSERT_NE(client, nullptr);
    redisContext* c = client.get();
    EXPECT_EQ(ask_text(c, {"SET", "k", "v"}), "OK");
    EXPECT_EQ(ask_text(c, {"GET", "k"}), "v");
    EXPECT_EQ(ask_text(c, {"GET", "missing"}), "(nil)");
    EXPECT_EQ(ask_text(c, {"INCR", "n"}), "1");
    EXPECT_EQ(ask_text(c, {"INCRBY", "n", "41"}), "42");
    EXPECT_EQ(ask_text(c, {"MSET", "a", "1", "b", "2"}), "OK");
    EXPECT_EQ(ask_text(c, {"MGET", "a", "b", "c"}), "[1, 2, (nil)]");
    EXPECT_EQ(ask_text(c, {"DEL", "a", "b", "c"}), "2");
    EXPECT_EQ(ask_text(c, {"SET", "k"}), "ERR wrong number of arguments for 'set' command");
    const std::string binary("\0\r\n\xff", 4);
    EXPECT_EQ(ask_text(c, {"SET", binary, binary}), "OK");
    EXPECT_EQ(ask_text(c, {"GET", binary}), binary);
    EXPECT_EQ(ask_text(c, {"MULTI"}), "OK");
    EXPECT_EQ(ask_text(c, {"INCR", "n"}), "QUEUED");
    EXPECT_EQ(ask_text(c, {"GET", "k"}), "QUEUED");
    EXPECT_EQ(ask_text(c, {"EXEC"}), "[43, v]");
}

TEST(Hiredis, PipelineOfTenThousandCommands) {
    constexpr int kCommands = 10'000;
    TorcProcess server;
    const ContextPtr client = connect_to(server.port());
    ASSERT_NE(client, nullptr);
    for (int i = 0; i < kCommands; ++i) redisAppendCommand(client.get(), "SET key:%d value:%d", i, i);
    for (int i = 0; i < kCommands; ++i) redisAppendCommand(client.get(), "GET key:%d", i);
    for (int i = 0; i < 2 * kCommands; ++i) {
        void* raw = nullptr;
        ASSERT_EQ(redisGetReply(client.get(), &raw), REDIS_OK) << client->errstr;
        const ReplyPtr reply(static_cast<redisReply*>(raw));
        const std::string expected = i < kCommands ? "OK" : "value:" + std::to_string(i - kCommands);
        ASSERT_EQ(text_of(reply.get()), expected);
    }
    EXPECT_EQ(ask_text(client.get(), {"DBSIZE"}), std::to_string(kCommands));
}

TEST(Hiredis, LargeBulks) {
    TorcProcess server;
    const ContextPtr client = connect_to(server.port());
    ASSERT_NE(client, nullptr);
    for (const size_t size : {1u << 16, (1u << 20) + 1, 64u << 20}) {
        std::string value(size, 'x');
        for (size_t i = 0; i < size; i += 4096) value[i] = static_cast<char>(i / 4096);
        ASSERT_EQ(ask_text(client.get(), {"SET", "big", value}), "OK");
        ASSERT_TRUE(ask_text(client.get(), {"GET", "big"}) == value) << size;
        EXPECT_EQ(ask_text(client.get(), {"STRLEN", "big"}), std::to_string(size));
    }
}

TEST(Hiredis, ReconnectsAfterAKillAndFindsEveryAcknowledgedWrite) {
    TorcProcess server({"--appendonly", "yes"});
    {
        const ContextPtr client = connect_to(server.port());
        ASSERT_NE(client, nullptr);
        for (int i = 0; i < 1000; ++i)
            ASSERT_EQ(ask_text(client.get(), {"SET", "key:" + std::to_string(i), std::to_string(i)}), "OK");
        ASSERT_EQ(ask_text(client.get(), {"DEL", "key:7"}), "1");
        server.kill();
        EXPECT_EQ(ask_text(client.get(), {"PING"}), "(broken)");
    }
    server.start();
    const ContextPtr client = connect_to(server.port());
    ASSERT_NE(client, nullptr);
    EXPECT_EQ(ask_text(client.get(), {"DBSIZE"}), "999");
    for (int i = 0; i < 1000; ++i)
        ASSERT_EQ(ask_text(client.get(), {"GET", "key:" + std::to_string(i)}),
                  i == 7 ? "(nil)" : std::to_string(i));
}

TEST(Hiredis, ATerminatedServerIsGoneInTimeAndKeepsItsData) {
    TorcProcess server({"--appendonly", "yes"});
    ASSERT_EQ(ask_text(connect_to(server.port()).get(), {"SET", "k", "v"}), "OK");
    EXPECT_EQ(server.terminate(), 0);
    server.start();
    EXPECT_EQ(ask_text(connect_to(server.port()).get(), {"GET", "k"}), "v");
}

}  // namespace
}  // namespace torc::testing

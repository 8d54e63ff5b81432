#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "base/coding.h"
#include "base/crc64.h"
#include "connected_node.h"
#include "types/dump_payload.h"

namespace torc::testing {
namespace {

class DumpRestoreCommands : public ConnectedCommands {
  protected:
    std::string restore(std::string_view key, std::string_view ttl, std::string_view payload,
                        std::vector<std::string_view> options = {}) {
        std::vector<std::string_view> words = {"RESTORE", key, ttl, payload};
        words.insert(words.end(), options.begin(), options.end());
        return run_words(words);
    }
    const std::string payload_ = dump_string("value", true);
};

TEST_F(DumpRestoreCommands, DumpGivesThePayload) {
    EXPECT_EQ(run("DUMP k"), "$-1\r\n");
    run("SET k value");
    EXPECT_EQ(run("DUMP k"), "$" + std::to_string(payload_.size()) + "\r\n" + payload_ + "\r\n");
}

TEST_F(DumpRestoreCommands, DumpCompressesAsConfigured) {
    const std::string value(200, 'a');
    run_words({"SET", "k", value});
    EXPECT_LT(run("DUMP k").size(), 60U);
    configure("rdbcompression", "no");
    EXPECT_GT(run("DUMP k").size(), 200U);
}

TEST_F(DumpRestoreCommands, RestoreMakesTheKey) {
    EXPECT_EQ(restore("k", "0", payload_), "+OK\r\n");
    EXPECT_EQ(run("GET k"), "$5\r\nvalue\r\n");
    EXPECT_EQ(keys().peek("k")->expire_at_ms, kNoExpiry);
    EXPECT_EQ(restore("t", "500", payload_), "+OK\r\n");
    EXPECT_EQ(keys().peek("t")->expire_at_ms, world.now_ms + 500);
    EXPECT_EQ(restore("u", "1800000000000", payload_, {"absttl"}), "+OK\r\n");
    EXPECT_EQ(keys().peek("u")->expire_at_ms, 1'800'000'000'000);
    EXPECT_EQ(restore("v", "0", payload_, {"ABSTTL"}), "+OK\r\n");
    EXPECT_EQ(keys().peek("v")->expire_at_ms, kNoExpiry);
    EXPECT_EQ(restore("w", "9223372036854775807", payload_), "+OK\r\n");
    EXPECT_EQ(keys().peek("w")->expire_at_ms, std::numeric_limits<int64_t>::max());
}

TEST_F(DumpRestoreCommands, ReplaceIsNeededForAnExistingKey) {
    run("SET k old EX 100");
    EXPECT_EQ(restore("k", "0", payload_), "-BUSYKEY Target key name already exists.\r\n");
    EXPECT_EQ(restore("k", "0", payload_, {"REPLACE"}), "+OK\r\n");
    EXPECT_EQ(run("GET k"), "$5\r\nvalue\r\n");
    EXPECT_EQ(keys().peek("k")->expire_at_ms, kNoExpiry);
}

TEST_F(DumpRestoreCommands, WhatHasExpiredIsNotMade) {
    EXPECT_EQ(restore("k", "1000", payload_, {"ABSTTL"}), "+OK\r\n");
    EXPECT_FALSE(keys().peek("k"));
    run("SET k old");
    EXPECT_EQ(restore("k", "1000", payload_, {"ABSTTL", "REPLACE"}), "+OK\r\n");
    EXPECT_FALSE(keys().peek("k"));
}

TEST_F(DumpRestoreCommands, IdleTimeAndFrequencyComeAlong) {
    EXPECT_EQ(restore("k", "0", payload_, {"IDLETIME", "77"}), "+OK\r\n");
    EXPECT_EQ(keys().idle_seconds("k"), 77U);
    EXPECT_EQ(restore("f", "0", payload_, {"FREQ", "255"}), "+OK\r\n");
    EXPECT_EQ(keys().frequency("f"), 255U);
}

TEST_F(DumpRestoreCommands, MistakesAreFoundInRedisOrder) {
    run("SET busy v");
    const auto before = world.changes;
    EXPECT_EQ(restore("k", "x", "junk", {"FOO"}), "-ERR syntax error\r\n");
    EXPECT_EQ(restore("k", "0", "junk", {"FREQ"}), "-ERR syntax error\r\n");
    EXPECT_EQ(restore("k", "0", "junk", {"FREQ", "1", "IDLETIME", "1"}), "-ERR syntax error\r\n");
    EXPECT_EQ(restore("k", "0", "junk", {"IDLETIME", "x"}),
              "-ERR value is not an integer or out of range\r\n");
    EXPECT_EQ(restore("k", "0", "junk", {"IDLETIME", "-1"}), "-ERR Invalid IDLETIME value, must be >= 0\r\n");
    EXPECT_EQ(restore("k", "0", "junk", {"FREQ", "256"}),
              "-ERR Invalid FREQ value, must be >= 0 and <= 255\r\n");
    EXPECT_EQ(restore("busy", "x", "junk"), "-BUSYKEY Target key name already exists.\r\n");
    EXPECT_EQ(restore("k", "x", "junk"), "-ERR value is not an integer or out of range\r\n");
    EXPECT_EQ(restore("k", "-1", "junk"), "-ERR Invalid TTL value, must be >= 0\r\n");
    EXPECT_EQ(restore("k", "0", "junk"), "-ERR DUMP payload version or checksum are wrong\r\n");
    EXPECT_EQ(world.changes, before);
}

TEST_F(DumpRestoreCommands, DamagedAndForeignPayloadsAreRefused) {
    std::string damaged = payload_;
    damaged[3] = '!';
    EXPECT_EQ(restore("k", "0", damaged), "-ERR DUMP payload version or checksum are wrong\r\n");
    std::string set(1, '\x02');  // a type that isn't held yet, with a right checksum
    append_le<uint16_t>(set, 10);
    append_le(set, crc64(set));
    EXPECT_EQ(restore("k", "0", set), "-ERR Bad data format\r\n");
    EXPECT_FALSE(keys().peek("k"));
}

TEST_F(DumpRestoreCommands, CompressionIsNoWayAroundTheSizeLimit) {
    configure("max-entry-size", "1kb");
    EXPECT_EQ(restore("k", "0", dump_string(std::string(1024, 'a'), true)), "+OK\r\n");
    EXPECT_EQ(restore("l", "0", dump_string(std::string(1025, 'a'), true)),
              "-ERR entry is larger than max-entry-size\r\n");
}

}  // namespace
}  // namespace torc::testing

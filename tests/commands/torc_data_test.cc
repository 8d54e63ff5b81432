#include <gtest/gtest.h>

#include "expected_replies.h"
#include "map_keyspace.h"

namespace torc::testing {
namespace {

constexpr std::string_view kBadToken =
    "-ERR invalid context token: it must be one that TORC.GET gave for this key\r\n";

/// On a plain keyspace: one value, an empty context.
class TorcData : public ::testing::Test, public CommandRunner {};

TEST_F(TorcData, GetHasTheTokenFirst) {
    EXPECT_EQ(run("TORC.GET k"), "*1\r\n$1\r\n-\r\n");
    run("SET k hello");
    EXPECT_EQ(run("TORC.GET k"), "*2\r\n$1\r\n-\r\n$5\r\nhello\r\n");
    EXPECT_EQ(run("TORC.SIBLINGS k"), integer(1));
    EXPECT_EQ(run("TORC.SIBLINGS nothing"), integer(0));
}

TEST_F(TorcData, SetReplacesWhatTheTokenSaw) {
    EXPECT_EQ(run("TORC.SET k v CONTEXT -"), kOk);
    EXPECT_EQ(run("GET k"), bulk("v"));
    EXPECT_EQ(run("TORC.SET k w context - PX 1500"), kOk);
    EXPECT_EQ(keys().peek("k")->expire_at_ms, world.now_ms + 1500);
    EXPECT_EQ(run("TORC.SET k w CONTEXT - EX 3"), kOk);
    EXPECT_EQ(keys().peek("k")->expire_at_ms, world.now_ms + 3000);
    EXPECT_EQ(run("TORC.SET k w CONTEXT - EXAT 1800000000"), kOk);
    EXPECT_EQ(keys().peek("k")->expire_at_ms, 1'800'000'000'000);
    EXPECT_EQ(run("TORC.SET k w CONTEXT - PXAT 1800000000001"), kOk);
    EXPECT_EQ(keys().peek("k")->expire_at_ms, 1'800'000'000'001);
    EXPECT_EQ(run("TORC.SET k w CONTEXT -"), kOk);
    EXPECT_EQ(keys().peek("k")->expire_at_ms, kNoExpiry);
}

TEST_F(TorcData, MistakesChangeNothing) {
    const uint64_t before = world.changes;
    EXPECT_EQ(run("TORC.SET k v CONTEXT made-up"), kBadToken);
    EXPECT_EQ(run("TORC.SET k v CONTEXT \"\""), kBadToken);
    for (const char* line : {"TORC.SET k v TOKEN -", "TORC.SET k v CONTEXT - EX", "TORC.SET k v CONTEXT - NX",
                             "TORC.SET k v CONTEXT - KEEP 1", "TORC.SET k v CONTEXT - EX 1 PX 1"})
        EXPECT_EQ(run(line), kSyntaxError) << line;
    EXPECT_EQ(run("TORC.SET k v CONTEXT - EX x"), kNotIntegerError);
    EXPECT_EQ(run("TORC.SET k v CONTEXT - EX 0"), "-ERR invalid expire time in 'torc.set' command\r\n");
    EXPECT_EQ(world.changes, before);
    EXPECT_EQ(run("TORC.WITH R two GET k").find("-ERR unknown consistency level 'two'"), 0u);
}

TEST_F(TorcData, OtherTypesAreRefused) {
    keys().put("l", ValueType::list, "x", kNoExpiry);
    EXPECT_EQ(run("TORC.GET l"), kWrongTypeError);
    EXPECT_EQ(run("TORC.SIBLINGS l"), kWrongTypeError);
}

/// A keyspace that tells what it's asked, in place of a cluster's.
class CountingKeyspace final : public Keyspace {
  public:
    explicit CountingKeyspace(Keyspace& plain) : plain_(plain) {}

    std::vector<std::string> asked;
    Siblings found;

    void add(std::string_view key, int64_t amount, std::string_view result, int64_t expire_at_ms) override {
        asked.push_back(fmt::format("add {} {} {} {}", key, amount, result, expire_at_ms));
    }
    void add_decimal(std::string_view key, long double amount, std::string_view result, int64_t at) override {
        asked.push_back(fmt::format("add_decimal {} {} {} {}", key, amount, result, at));
    }
    Siblings siblings(std::string_view) override { return found; }
    bool put_resolved(std::string_view key, std::string_view token, std::string_view bytes,
                      int64_t at) override {
        asked.push_back(fmt::format("put_resolved {} {} {} {}", key, token, bytes, at));
        return true;
    }

    std::optional<Value> look(std::string_view key, unsigned traces) override {
        return plain_.look(key, traces);
    }
    void put(std::string_view key, ValueType, std::string_view, int64_t) override {
        asked.push_back(fmt::format("put {}", key));
    }
    std::span<char> edit(std::string_view key) override { return plain_.edit(key); }
    bool erase(std::string_view key) override { return plain_.erase(key); }
    void set_expiry(std::string_view key, int64_t at) override { plain_.set_expiry(key, at); }
    uint64_t idle_seconds(std::string_view key) override { return plain_.idle_seconds(key); }
    unsigned frequency(std::string_view key) override { return plain_.frequency(key); }
    void set_idle_seconds(std::string_view key, uint64_t n) override { plain_.set_idle_seconds(key, n); }
    void set_frequency(std::string_view key, unsigned n) override { plain_.set_frequency(key, n); }
    uint64_t memory_usage(std::string_view key) override { return plain_.memory_usage(key); }
    unsigned db() const override { return 0; }
    unsigned databases() const override { return 1; }
    Keyspace& in_db(unsigned) override { return *this; }
    uint64_t size() const override { return plain_.size(); }
    uint64_t expires() const override { return plain_.expires(); }
    void flush(bool lazily) override { plain_.flush(lazily); }
    void swap(unsigned, unsigned) override {}
    uint64_t scan(uint64_t cursor, const Visit& visit) override { return plain_.scan(cursor, visit); }
    void scan_slot(SlotId slot, size_t most, const Visit& visit) override {
        plain_.scan_slot(slot, most, visit);
    }
    std::optional<std::string_view> random_key() override { return plain_.random_key(); }
    bool unfinished() const override { return false; }

  private:
    Keyspace& plain_;
};

/// The same commands where the keyspace is more than a map.
class TorcDataOfACluster : public TorcData {
  protected:
    std::string ask(std::string_view line) {
        const std::vector<std::string> words = split(line);
        const std::vector<std::string_view> args(words.begin(), words.end());
        Buffer out;
        ReplyWriter reply(out, 2);
        alignas(std::max_align_t) static char nothing[1];
        const CommandSpec& spec = *CommandTable::instance().find(args.at(0));
        Call call{spec, args, counting, client, *reinterpret_cast<NodeView*>(nothing), reply, world.now_ms};
        spec.run(call);
        return std::string(out.view());
    }
    CountingKeyspace counting{keys()};
};

TEST_F(TorcDataOfACluster, SiblingsAreAllShown) {
    counting.found = {"token", {"b", "a"}, kNoExpiry};
    EXPECT_EQ(ask("TORC.GET k"), "*3\r\n$5\r\ntoken\r\n$1\r\nb\r\n$1\r\na\r\n");
    EXPECT_EQ(ask("TORC.SIBLINGS k"), integer(2));
    EXPECT_EQ(ask("TORC.SET k c CONTEXT token EX 1"), kOk);
    EXPECT_EQ(counting.asked,
              std::vector<std::string>{fmt::format("put_resolved k token c {}", world.now_ms + 1000)});
}

TEST_F(TorcDataOfACluster, CountersTellTheAmountAndTheResult) {
    run("SET k 40 PXAT 1800000000000");
    EXPECT_EQ(ask("INCR k"), integer(41));
    EXPECT_EQ(ask("DECRBY k 5"), integer(35));
    EXPECT_EQ(ask("INCRBYFLOAT k -0.5"), bulk("39.5"));
    EXPECT_EQ(ask("DECR new"), integer(-1));
    EXPECT_EQ(counting.asked,
              (std::vector<std::string>{"add k 1 41 1800000000000", "add k -5 35 1800000000000",
                                        "add_decimal k -0.5 39.5 1800000000000", "add new -1 -1 -1"}));
}

}  // namespace
}  // namespace torc::testing

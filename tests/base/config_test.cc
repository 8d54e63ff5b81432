#include "base/config.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>
#include <thread>

#include "base/consistency.h"
#include "base/directive.h"

namespace torc {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

class ConfigFileTest : public ::testing::Test {
  protected:
    void SetUp() override {
        directory_ = std::filesystem::temp_directory_path() /
                     ("torc-config-" + std::to_string(::getpid()) + "-" +
                      ::testing::UnitTest::GetInstance()->current_test_info()->name());
        std::filesystem::create_directories(directory_);
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    std::string write(const std::string& name, std::string_view text) {
        const std::string path = directory_ / name;
        std::ofstream(path) << text;
        return path;
    }
    static std::string read(const std::string& path) {
        std::stringstream bytes;
        bytes << std::ifstream(path).rdbuf();
        return bytes.str();
    }
    /// The message with which a file of these lines is refused; "" when it's taken.
    std::string refusal(std::string_view text) {
        Config config;
        const auto loaded = config.load({write("bad.conf", text)});
        if (loaded) return "";
        return loaded.error().message.substr(directory_.string().size() + 1);
    }

    std::filesystem::path directory_;
};

std::string set_error(Config& config, const Pairs& pairs) {
    const auto outcome = config.set(pairs);
    return outcome ? "" : outcome.error().message;
}

TEST(ConfigTest, StartsWithTheDefaultsOfTheTable) {
    Config config;
    EXPECT_TRUE(config.load({}));
    EXPECT_EQ(config.text("port"), "6379");
    EXPECT_EQ(config.text("appendonly"), "yes");
    EXPECT_EQ(config.text("nosuch"), "");
    EXPECT_EQ(config.file_path(), "");
    EXPECT_TRUE(config.live.appendonly);
    EXPECT_EQ(config.live.appendfsync, static_cast<int>(AppendFsync::everysec));
    EXPECT_EQ(config.live.segment_bytes, 64 << 20);
    EXPECT_EQ(config.live.scrub_bytes_per_second, 1 << 20);
    EXPECT_EQ(config.live.output_pubsub.soft_bytes, 8388608);
    EXPECT_GE(config.live.io_threads, 1);
    EXPECT_TRUE(std::filesystem::path(config.text("dir")).is_absolute());
}

TEST(ConfigTest, TakesTheCommandLineOfRedisServer) {
    Config config;
    ASSERT_TRUE(
        config.load({"--port", "7001", "--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "::1"}));
    EXPECT_EQ(config.text("PORT"), "7001");
    EXPECT_EQ(config.text("save"), "");
    EXPECT_FALSE(config.live.appendonly);
    EXPECT_EQ(config.text("bind"), "127.0.0.1 ::1");
}

TEST(ConfigTest, PublishesWhatTheNodeLooksAt) {
    Config config;
    ASSERT_TRUE(config.load({"--scrub-rate", "2mb", "--read-consistency", "EACH_quorum"}));
    EXPECT_EQ(config.live.scrub_bytes_per_second, 2 << 20);
    EXPECT_EQ(config.live.read_consistency, static_cast<int>(Consistency::each_quorum));
    ASSERT_TRUE(config.set({{"scrub-rate", "0"}, {"write-consistency", "all"}, {"sibling-policy", "ask"}}));
    EXPECT_EQ(config.live.scrub_bytes_per_second, 0);
    EXPECT_EQ(config.live.write_consistency, static_cast<int>(Consistency::all));
    EXPECT_EQ(config.live.sibling_policy, static_cast<int>(SiblingPolicy::ask));
}

TEST(ConfigTest, WhatAsksForNoTlsIsTaken) {
    Config config;
    ASSERT_TRUE(config.load({"--tls-port", "0"}));
    EXPECT_EQ(config.text("tls-port"), "0");
    EXPECT_NE(config.load({"--tls-port", "6380"}).error().message.find("TLS"), std::string::npos);
}

/// Standard input that the test wrote.
class StandardInput {
  public:
    explicit StandardInput(const std::string& text) : text_(text), real_(std::cin.rdbuf(text_.rdbuf())) {}
    ~StandardInput() {
        std::cin.rdbuf(real_);
        std::cin.clear();
    }

  private:
    std::istringstream text_;
    std::streambuf* real_;
};

TEST_F(ConfigFileTest, StandardInputStandsBetweenFileAndCommandLine) {
    const std::string path = write("torc.conf", "port 1\ntimeout 1\nhz 11\nsave 1 1\n");
    const StandardInput input("# a comment\ntimeout 2\nhz 12\nsave 2 2\n");
    Config config;
    ASSERT_TRUE(config.load({path, "--hz", "13", "-"}));
    EXPECT_EQ(config.text("port"), "1");
    EXPECT_EQ(config.text("timeout"), "2");
    EXPECT_EQ(config.text("hz"), "13");
    EXPECT_EQ(config.text("save"), "2 2");
    EXPECT_EQ(config.file_path(), path);
}

TEST(ConfigTest, StandardInputAlone) {
    const StandardInput input("port 7003\nport\n");
    Config config;
    EXPECT_EQ(config.load({"-"}).error().message,
              "standard input:2: 'port': wrong number of arguments (the default is: port 6379)");
    EXPECT_EQ(config.text("port"), "7003");
    EXPECT_EQ(config.file_path(), "");
}

TEST(ConfigTest, RefusesACommandLineItDoesNotUnderstand) {
    Config config;
    EXPECT_EQ(config.load({"--prot", "7001"}).error().message,
              "command line: '--prot 7001': no such directive; did you mean 'port'?");
    EXPECT_EQ(config.load({"--port"}).error().message,
              "command line: '--port': wrong number of arguments (the default is: port 6379)");
    EXPECT_EQ(config.load({"--xyzzyxyzzy", "a b"}).error().message,
              "command line: '--xyzzyxyzzy \"a b\"': no such directive; conf/torc.conf lists them all");
    EXPECT_EQ(config.load({"no-such-file.conf"}).error().kind, ErrorKind::not_found);
}

TEST_F(ConfigFileTest, FileThenCommandLine) {
    const std::string path = write("torc.conf",
                                   "# a comment\n\n  maxmemory 2gb\r\nMAXMEMORY-POLICY Allkeys-LRU\n"
                                   "requirepass \"a \\\"b\\\" \\x41\"\nlogfile 'it''s'\n");
    Config config;
    EXPECT_FALSE(config.load({path})) << "quotes stick together";
    write("torc.conf",
          "# a comment\n\n  maxmemory 2gb\r\nMAXMEMORY-POLICY Allkeys-LRU\n"
          "requirepass \"a \\\"b\\\" \\x41\"\nlogfile 'it\\'s'\nslave-read-only no\n");
    ASSERT_TRUE(config.load({path, "--maxmemory", "1000k"}));
    EXPECT_EQ(config.live.maxmemory_bytes, 1'000'000);
    EXPECT_EQ(config.text("maxmemory-policy"), "allkeys-lru");
    EXPECT_EQ(config.live.maxmemory_policy, 1);
    EXPECT_EQ(config.text("requirepass"), "a \"b\" A");
    EXPECT_EQ(config.text("logfile"), "it's");
    EXPECT_EQ(config.text("replica-read-only"), "no");
    EXPECT_EQ(config.file_path(), path);
}

TEST_F(ConfigFileTest, EachMalformedLineStopsTheStartWithPlaceAndRemedy) {
    EXPECT_EQ(refusal("port 1\nmaxmemroy 1gb\n"),
              "bad.conf:2: 'maxmemroy 1gb': no such directive; did you mean 'maxmemory'?");
    EXPECT_EQ(refusal("maxmemory lots\n"),
              "bad.conf:1: 'maxmemory lots': argument must be a memory value (the default is: maxmemory 0)");
    EXPECT_NE(refusal("maxmemory 1p\n"), "");
    EXPECT_NE(refusal("maxmemory 99999999999gb\n"), "");
    EXPECT_EQ(refusal("hz ten\n"),
              "bad.conf:1: 'hz ten': argument couldn't be parsed into an integer (the default is: hz 10)");
    EXPECT_EQ(
        refusal("port 65536\n"),
        "bad.conf:1: 'port 65536': argument must be between 0 and 65535 inclusive (the default is: port "
        "6379)");
    EXPECT_NE(refusal("port 080\n"), "");
    EXPECT_NE(refusal("databases 257\n"), "");
    EXPECT_EQ(
        refusal("appendonly maybe\n"),
        "bad.conf:1: 'appendonly maybe': argument must be 'yes' or 'no' (the default is: appendonly yes)");
    EXPECT_EQ(
        refusal("appendfsync often\n"),
        "bad.conf:1: 'appendfsync often': argument(s) must be one of the following: everysec, always, no "
        "(the default is: appendfsync everysec)");
    EXPECT_EQ(refusal("save \"1\n"), "bad.conf:1: 'save \"1': unbalanced quotes");
    EXPECT_NE(refusal("save 1\n"), "");
    EXPECT_NE(refusal("save 0 1\n"), "");
    EXPECT_NE(refusal("unixsocketperm 8\n"), "");
    EXPECT_NE(refusal("unixsocketperm 7777\n"), "");
    EXPECT_NE(refusal("client-output-buffer-limit normal 1 2\n"), "");
    EXPECT_NE(refusal("client-output-buffer-limit people 1 2 3\n"), "");
    EXPECT_NE(refusal("client-output-buffer-limit normal 1 2 x\n"), "");
    EXPECT_NE(refusal("maxmemory-clients 101%\n"), "");
    EXPECT_NE(refusal("maxmemory-clients x%\n"), "");
    EXPECT_NE(refusal("oom-score-adj-values 1 2\n"), "");
    EXPECT_NE(refusal("oom-score-adj-values 1 2 3000\n"), "");
    EXPECT_NE(refusal("latency-tracking-info-percentiles 50 101\n"), "");
    EXPECT_NE(refusal("latency-tracking-info-percentiles 50 x\n"), "");
    EXPECT_NE(refusal("notify-keyspace-events KEx?\n"), "");
    EXPECT_NE(refusal("dir \"\"\n"), "");
    EXPECT_NE(refusal("shutdown-on-sigterm\n"), "");
    EXPECT_NE(refusal("port\n"), "");
    EXPECT_NE(refusal("port 1 2\n"), "");
}

TEST_F(ConfigFileTest, WhatTorcCannotDoIsRefusedWithTheReason) {
    EXPECT_NE(refusal("replicaof 10.0.0.1 6379\n").find("no primaries"), std::string::npos);
    EXPECT_NE(refusal("tls-port 6380\n").find("TLS"), std::string::npos);
    EXPECT_NE(refusal("tls-cert-file x\n").find("TLS"), std::string::npos);
    EXPECT_NE(refusal("loadmodule x.so\n").find("modules"), std::string::npos);
    EXPECT_NE(refusal("rename-command FLUSHALL x\n").find("renamed"), std::string::npos);
}

TEST_F(ConfigFileTest, IncludesFilesWhereTheyStand) {
    const std::string part = write("part.conf", "hz 20\nport 1\n");
    write("one.inc", "timeout 7\n");
    Config config;
    ASSERT_TRUE(config.load({write("main.conf", "hz 30\ninclude " + part + "\nport 2\ninclude " +
                                                    (directory_ / "*.inc").string() + "\n")}));
    EXPECT_EQ(config.text("hz"), "20");
    EXPECT_EQ(config.text("port"), "2");
    EXPECT_EQ(config.live.timeout_seconds, 7);
    EXPECT_NE(refusal("include nowhere.conf\n").find("bad.conf:1: 'include nowhere.conf'"),
              std::string::npos);
    EXPECT_NE(refusal("include\n").find("include needs one path"), std::string::npos);
    const std::string circle = (directory_ / "circle.conf").string();
    write("circle.conf", "include " + circle + "\n");
    EXPECT_NE(config.load({circle}).error().message.find("circle"), std::string::npos);
    write("part.conf", "hz 20\nhz x\n");
    EXPECT_NE(config.load({directory_ / "main.conf"}).error().message.find("part.conf:2: 'hz x'"),
              std::string::npos);
}

TEST_F(ConfigFileTest, LinesOfSaveAndOfClientClassesAddUp) {
    Config config;
    ASSERT_TRUE(config.load({write("a.conf",
                                   "save 900 1\nsave 300 10\nclient-output-buffer-limit replica 1mb 1k 5\n"
                                   "client-output-buffer-limit normal 9 8 7\n"),
                             "--save", "60", "5"}));
    EXPECT_EQ(config.text("save"), "60 5") << "the command line replaces the file";
    EXPECT_EQ(config.text("client-output-buffer-limit"),
              "normal 9 8 7 slave 1048576 1000 5 pubsub 33554432 8388608 60");
    EXPECT_EQ(config.live.output_replica.soft_bytes, 1000);
    ASSERT_TRUE(config.load({write("b.conf", "save 900 1\nsave 300 10\n")}));
    EXPECT_EQ(config.text("save"), "900 1 300 10");
}

TEST(ConfigTest, GetTakesSeveralGlobsAndShowsAliases) {
    Config config;
    const Pairs found = config.get({"MAXMEM*y", "nosuch", "maxmemory"});
    EXPECT_EQ(found, (Pairs{{"maxmemory", "0"},
                            {"maxmemory-policy", "noeviction"},
                            {"maxmemory-eviction-tenacity", "10"}}));
    EXPECT_EQ(config.get({"*-read-only"}), (Pairs{{"replica-read-only", "yes"}, {"slave-read-only", "yes"}}));
    EXPECT_TRUE(config.get({"nosuch"}).empty());
}

TEST(ConfigTest, SetIsAllOrNone) {
    Config config;
    EXPECT_EQ(
        set_error(config, {{"maxmemory", "1mb"}, {"hz", "x"}}),
        "ERR CONFIG SET failed (possibly related to argument 'hz') - argument couldn't be parsed into an "
        "integer");
    EXPECT_EQ(config.live.maxmemory_bytes, 0);
    EXPECT_EQ(set_error(config, {{"maxmemory", "1mb"}, {"timeout", "9"}}), "");
    EXPECT_EQ(config.live.maxmemory_bytes, 1 << 20);
    EXPECT_EQ(config.text("timeout"), "9");
}

TEST(ConfigTest, SetErrorsAreThoseOfRedis) {
    Config config;
    EXPECT_EQ(set_error(config, {{"hz", "11"}, {"foo", "bar"}}),
              "ERR Unknown option or number of arguments for CONFIG SET - 'foo'");
    EXPECT_EQ(set_error(config, {{"maxmemory", "5"}, {"MAXMEMORY", "6"}}),
              "ERR CONFIG SET failed (possibly related to argument 'MAXMEMORY') - duplicate parameter");
    EXPECT_EQ(
        set_error(config, {{"slave-read-only", "no"}, {"replica-read-only", "no"}}),
        "ERR CONFIG SET failed (possibly related to argument 'replica-read-only') - duplicate parameter");
    EXPECT_EQ(
        set_error(config, {{"databases", "3"}}),
        "ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config");
    EXPECT_EQ(set_error(config, {{"dir", "/tmp"}}),
              "ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected config");
    EXPECT_EQ(
        set_error(config, {{"maxmemory-policy", "foo"}}),
        "ERR CONFIG SET failed (possibly related to argument 'maxmemory-policy') - argument(s) must be one "
        "of the following: volatile-lru, volatile-lfu, volatile-random, volatile-ttl, allkeys-lru, "
        "allkeys-lfu, allkeys-random, noeviction");
    EXPECT_EQ(
        set_error(config, {{"save", "\"1"}}),
        "ERR CONFIG SET failed (possibly related to argument 'save') - Unbalanced quotes in configuration "
        "line");
    EXPECT_EQ(set_error(config, {{"proto-max-bulk-len", "1"}}),
              "ERR CONFIG SET failed (possibly related to argument 'proto-max-bulk-len') - argument must be "
              "between 1048576 and 9223372036854775807 inclusive");
}

TEST(ConfigTest, ProtectedDirectivesFollowEnableProtectedConfigs) {
    Config local;
    ASSERT_TRUE(local.load({"--enable-protected-configs", "local"}));
    EXPECT_FALSE(local.set({{"dbfilename", "a.rdb"}}, /*from_local=*/false));
    EXPECT_TRUE(local.set({{"dbfilename", "a.rdb"}}, /*from_local=*/true));
    EXPECT_EQ(local.text("dbfilename"), "a.rdb");
}

TEST(ConfigTest, ValuesAreShownInOneForm) {
    Config config;
    ASSERT_TRUE(config.set({{"hz", "1000"},
                            {"notify-keyspace-events", "EKg$lshzxetd"},
                            {"maxmemory-clients", "5%"},
                            {"shutdown-on-sigterm", "force now"},
                            {"maxmemory", ""},
                            {"latency-tracking-info-percentiles", "50.0 99.90"},
                            {"client-output-buffer-limit", "normal 1mb 2k 3 replica 1 2 3"}}));
    EXPECT_EQ(config.text("hz"), "500");
    EXPECT_EQ(config.text("notify-keyspace-events"), "AKE");
    EXPECT_EQ(config.text("maxmemory-clients"), "5%");
    EXPECT_EQ(config.text("shutdown-on-sigterm"), "now force");
    EXPECT_EQ(config.text("maxmemory"), "0");
    EXPECT_EQ(config.text("latency-tracking-info-percentiles"), "50 99.9");
    EXPECT_EQ(config.text("client-output-buffer-limit"),
              "normal 1048576 2000 3 slave 1 2 3 pubsub 33554432 8388608 60");
}

TEST(ConfigTest, AHookMayRefuseAndUndoesTheWholeSet) {
    Config config;
    std::vector<std::string> seen;
    config.on_change("timeout", [&]() -> Result<void> {
        seen.push_back(config.text("timeout"));
        return {};
    });
    config.on_change("maxclients", [&]() -> Result<void> {
        if (config.live.maxclients > 100) return fail(ErrorKind::refused, "too many");
        return {};
    });
    EXPECT_EQ(set_error(config, {{"timeout", "5"}, {"maxclients", "101"}}),
              "ERR CONFIG SET failed (possibly related to argument 'maxclients') - too many");
    EXPECT_EQ(config.text("timeout"), "0");
    EXPECT_EQ(config.live.maxclients, 10000);
    EXPECT_EQ(seen, (std::vector<std::string>{"5", "0"})) << "the first hook is told of the undoing";
    EXPECT_EQ(set_error(config, {{"maxclients", "100"}}), "");
    EXPECT_EQ(set_error(config, {{"timeout", "0"}}), "");
    EXPECT_EQ(seen.size(), 2u) << "nothing changed, nobody called";
}

TEST_F(ConfigFileTest, RewriteKeepsCommentsAndOrder) {
    const std::string path = write("torc.conf",
                                   "# mine\nport 7000\n\n# memory\nmaxmemory 1gb\nslave-read-only no\n"
                                   "save 900 1\nsave 300 10\n# timeout 3\n");
    Config config;
    ASSERT_TRUE(config.load({path}));
    ASSERT_TRUE(config.rewrite());
    EXPECT_EQ(read(path),
              "# mine\nport 7000\n\n# memory\nmaxmemory 1gb\nslave-read-only no\nsave 900 1\nsave 300 "
              "10\n# timeout 3\n")
        << "nothing changed, nothing is written otherwise";

    ASSERT_TRUE(config.set({{"maxmemory", "2gb"},
                            {"save", "60 5"},
                            {"requirepass", "a b"},
                            {"client-output-buffer-limit", "pubsub 1 2 3"}}));
    ASSERT_TRUE(config.rewrite());
    const std::string expected =
        "# mine\nport 7000\n\n# memory\nmaxmemory 2147483648\nslave-read-only no\nsave 60 5\n# timeout 3\n"
        "# Generated by CONFIG REWRITE\n"
        "client-output-buffer-limit normal 0 0 0\nclient-output-buffer-limit slave 268435456 67108864 60\n"
        "client-output-buffer-limit pubsub 1 2 3\nrequirepass \"a b\"\n";
    EXPECT_EQ(read(path), expected);
    ASSERT_TRUE(config.rewrite());
    EXPECT_EQ(read(path), expected) << "a second time adds nothing";

    Config again;
    ASSERT_TRUE(again.load({path}));
    EXPECT_EQ(again.get({"*"}), config.get({"*"}));
}

TEST(ConfigTest, RewriteNeedsAFile) {
    Config config;
    EXPECT_EQ(config.rewrite().error().message, "ERR The server is running without a config file");
}

TEST_F(ConfigFileTest, RewriteTellsWhyItFailed) {
    const std::string path = write("torc.conf", "port 7000\n");
    Config config;
    ASSERT_TRUE(config.load({path}));
    std::filesystem::remove_all(directory_);
    EXPECT_TRUE(config.rewrite().error().message.starts_with("ERR Rewriting config file: "));
}

TEST(ConfigTest, LiveValuesMayBeReadWhileTheyChange) {
    Config config;
    std::atomic<bool> stop{false};
    std::thread reader([&] {
        while (!stop) {
            const int64_t timeout = config.live.timeout_seconds;
            EXPECT_TRUE(timeout == 0 || timeout == 77);
            EXPECT_TRUE(config.text("requirepass").size() % 5 == 0);
        }
    });
    for (int i = 0; i < 200; ++i)
        ASSERT_TRUE(
            config.set({{"timeout", i % 2 == 0 ? "77" : "0"}, {"requirepass", i % 2 == 0 ? "tiger" : ""}}));
    stop = true;
    reader.join();
}

// The tree that this test was built in: the nearest one above the test program that has the file.
std::filesystem::path source_directory() {
    auto directory = std::filesystem::canonical("/proc/self/exe").parent_path();
    while (directory != "/" && !std::filesystem::exists(directory / "conf/torc.conf"))
        directory = directory.parent_path();
    return directory;
}

// conf/torc.conf is the documentation of the table: both list the same names with the same defaults.
TEST(ConfigTest, TheSampleFileListsEveryDirectiveWithItsDefault) {
    std::ifstream sample(source_directory() / "conf/torc.conf");
    ASSERT_TRUE(sample);
    std::vector<std::string> argv;
    std::set<std::string> listed;
    for (std::string line; std::getline(sample, line);) {
        if (!line.starts_with("# ")) continue;
        const std::string text = line.substr(2);
        const std::string name = text.substr(0, text.find(' '));
        const Directive* directive = find_directive(name);
        if (directive == nullptr || name != directive->name) continue;
        if (directive->kind != Directive::Kind::output_limits) {
            EXPECT_TRUE(listed.insert(name).second) << name << " stands twice";
        }
        listed.insert(name);

        // The line, read as a directive, gives the default.
        const auto directory = std::filesystem::temp_directory_path();
        const std::string path = directory / ("torc-sample-" + std::to_string(::getpid()) + ".conf");
        std::ofstream(path) << text << '\n';
        Config config;
        const auto loaded = config.load({path});
        std::filesystem::remove(path);
        ASSERT_TRUE(loaded) << loaded.error().message;
        EXPECT_EQ(config.text(name), Config().text(name)) << text;
    }
    for (const Directive& directive : all_directives())
        EXPECT_TRUE(listed.contains(std::string(directive.name))) << directive.name << " isn't in the file";
}

}  // namespace
}  // namespace torc

// A node for the server commands: figures, logs and persistence that the test fills in and looks at.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/config.h"
#include "base/time.h"
#include "commands/diagnostics.h"
#include "commands/node_view.h"
#include "commands/persistence.h"
#include "expected_replies.h"
#include "map_keyspace.h"

namespace torc::testing {

class FixedClock final : public Clock {
  public:
    int64_t wall_us() const override { return 1'700'000'000'123'456; }
    int64_t monotonic_ns() const override { return 1; }
};

class FakeSlowLog final : public SlowLogView {
  public:
    std::vector<SlowLogEntry> entries;  // newest first

    std::vector<SlowLogEntry> newest(size_t count) const override {
        return {entries.begin(),
                entries.begin() + static_cast<std::ptrdiff_t>(std::min(count, entries.size()))};
    }
    size_t size() const override { return entries.size(); }
    void reset() override { entries.clear(); }
};

class FakeLatency final : public LatencyView {
  public:
    std::vector<LatencyEvent> all;
    std::vector<std::string> reset_names;

    std::vector<LatencyEvent> events() const override { return all; }
    size_t reset(const std::vector<std::string>& names) override {
        reset_names = names;
        return all.size();
    }
};

class FakeCommandStats final : public CommandStatsView {
  public:
    std::vector<CommandUse> uses;
    std::vector<CommandLatency> histograms;
    bool was_reset = false;

    std::vector<CommandUse> used() const override { return uses; }
    std::vector<CommandLatency> latencies(const std::vector<std::string>& names) const override {
        std::vector<CommandLatency> chosen;
        for (const CommandLatency& histogram : histograms)
            if (names.empty() || std::ranges::find(names, histogram.name) != names.end())
                chosen.push_back(histogram);
        return chosen;
    }
    void reset() override { was_reset = true; }
};

class FakeErrorStats final : public ErrorStatsView {
  public:
    std::vector<std::pair<std::string, uint64_t>> codes;
    bool was_reset = false;

    std::vector<std::pair<std::string, uint64_t>> counts() const override { return codes; }
    uint64_t total() const override {
        uint64_t sum = 0;
        for (const auto& [code, count] : codes) sum += count;
        return sum;
    }
    void reset() override { was_reset = true; }
};

class FakePersistence final : public Persistence {
  public:
    bool running = false, last_ok = true, stopping = false, can_stop = true;
    bool scheduled = false;
    uint64_t ended = 4;
    ShutdownWish wish;

    Result<bool> start_backup(bool schedule) override {
        if (running) scheduled = schedule;
        return !std::exchange(running, true);
    }
    bool backup_running() const override { return running; }
    uint64_t backups_ended() const override { return ended; }
    bool last_backup_ok() const override { return last_ok; }
    int64_t last_backup_seconds() const override { return 1'600'000'000; }
    Lsn last_lsn() const override { return 77; }
    Result<void> request_shutdown(const ShutdownWish& wanted) override {
        if (!can_stop) return fail(ErrorKind::refused, "ERR Errors trying to SHUTDOWN. Check logs.");
        wish = wanted;
        stopping = true;
        return {};
    }
    bool abort_shutdown() override { return std::exchange(stopping, false); }
};

class MeasuredNode final : public NodeView {
  public:
    FixedClock fixed_clock;
    Config configuration;
    FakeSlowLog fake_slow_log;
    FakeLatency fake_latency;
    FakeCommandStats fake_commands;
    FakeErrorStats fake_errors;
    FakePersistence fake_persistence;
    ClusterView* cluster_view = nullptr;
    NodeFacts told;
    std::vector<DatabaseFacts> told_databases;
    int resets = 0, purges = 0;
    bool active_expire = true;
    const ClientState* monitor = nullptr;

    const Clock& clock() const override { return fixed_clock; }
    Config& config() override { return configuration; }
    Clients& clients() override { return unasked<Clients>(); }
    Transactions& transactions() override { return unasked<Transactions>(); }
    SlowLogView& slow_log() override { return fake_slow_log; }
    LatencyView& latency() override { return fake_latency; }
    CommandStatsView& command_stats() override { return fake_commands; }
    ErrorStatsView& error_stats() override { return fake_errors; }
    Persistence& persistence() override { return fake_persistence; }
    ClusterView* cluster() override { return cluster_view; }
    NodeFacts facts() const override { return told; }
    std::vector<DatabaseFacts> databases() const override { return told_databases; }
    void reset_stats() override { ++resets; }
    void start_monitor(ClientState& client) override { monitor = &client; }
    void set_active_expire(bool on) override { active_expire = on; }
    void purge_memory() override { ++purges; }

  private:
    template <class Face>
    Face& unasked() {
        TORC_CHECK(!"this face isn't part of the fake");
        return *static_cast<Face*>(nullptr);
    }
};

/// A fixture: a client on such a node.
class ServerCommands : public ::testing::Test, public CommandRunner {
  protected:
    ServerCommands() { node = &here; }

    void configure(const std::vector<std::string>& arguments) {
        ASSERT_TRUE(here.configuration.load(arguments));
    }
    /// The reply without the header of its bulk or verbatim string.
    std::string text_of(std::string_view line) {
        const std::string reply = run(line);
        return reply.substr(reply.find("\r\n") + 2);
    }

    MeasuredNode here;
};

}  // namespace torc::testing

// A node for the commands that look at connections: some clients, recorded calls, and the configuration. Its
// other faces must not be asked.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/config.h"
#include "base/time.h"
#include "commands/clients.h"
#include "commands/node_view.h"
#include "commands/transactions.h"
#include "map_keyspace.h"

namespace torc::testing {

class FakeClients final : public Clients {
  public:
    std::vector<ClientState*> all;
    std::vector<uint64_t> killed, unblocked, unblocked_with_error;
    int64_t paused_until_ms = 0;
    Pause paused = Pause::all;
    bool synced = true;

    void for_each(const std::function<void(ClientState&)>& visit) override {
        for (ClientState* client : all) visit(*client);
    }
    bool kill(uint64_t id) override {
        killed.push_back(id);
        return true;
    }
    bool unblock(uint64_t id, bool with_error) override {
        for (const ClientState* client : all) {
            if (client->id != id || !client->blocked) continue;
            (with_error ? unblocked_with_error : unblocked).push_back(id);
            return true;
        }
        return false;
    }
    void pause(ClientState&, Pause what, int64_t until_ms) override {
        paused = what;
        paused_until_ms = until_ms;
    }
    void unpause() override { paused_until_ms = 0; }
    bool writes_synced(const ClientState&) const override { return synced; }
};

class FakeTransactions final : public Transactions {
  public:
    std::vector<std::string> watched;  // "db:key"
    int unwatched = 0;
    bool changed = false;
    bool was_in_multi = false;  // while it ran

    void exec(Call& call) override {
        was_in_multi = call.client.in_multi;
        if (changed) return call.reply.null_array();
        call.reply.array(call.client.queue.size());
        for (const QueuedCommand& queued : call.client.queue) call.reply.bulk(queued.words.at(0));
    }
    void watch(Call& call, std::string_view key) override {
        watched.push_back(std::to_string(call.keys.db()) + ":" + std::string(key));
    }
    void unwatch_all(ClientState&) override {
        watched.clear();
        ++unwatched;
    }
    bool spoiled(const ClientState&) const override { return changed; }
};

class ConnectedNode final : public NodeView {
  public:
    FakeClients fake_clients;
    FakeTransactions fake_transactions;
    Config configuration;
    ClusterView* cluster_view = nullptr;

    const Clock& clock() const override { return system_clock(); }
    Config& config() override { return configuration; }
    Clients& clients() override { return fake_clients; }
    Transactions& transactions() override { return fake_transactions; }
    SlowLogView& slow_log() override { return unasked<SlowLogView>(); }
    LatencyView& latency() override { return unasked<LatencyView>(); }
    CommandStatsView& command_stats() override { return unasked<CommandStatsView>(); }
    ErrorStatsView& error_stats() override { return unasked<ErrorStatsView>(); }
    Persistence& persistence() override { return unasked<Persistence>(); }
    ClusterView* cluster() override { return cluster_view; }
    NodeFacts facts() const override { return {}; }
    std::vector<DatabaseFacts> databases() const override { return {}; }
    void reset_stats() override {}
    void start_monitor(ClientState&) override {}
    void set_active_expire(bool) override {}
    void purge_memory() override {}

  private:
    template <class Face>
    Face& unasked() {
        TORC_CHECK(!"this face isn't part of the fake");
        return *static_cast<Face*>(nullptr);
    }
};

/// A fixture: a client on such a node.
class ConnectedCommands : public ::testing::Test, public CommandRunner {
  protected:
    ConnectedCommands() {
        node = &here;
        client.id = 7;
        client.address = "127.0.0.1:5000";
        client.local_address = "127.0.0.1:6379";
        client.fd = 12;
        client.authenticated = true;
        client.created_ms = client.last_used_ms = world.now_ms;
        here.fake_clients.all = {&client};
    }

    void configure(std::string name, std::string value) {
        ASSERT_TRUE(here.configuration.set({{std::move(name), std::move(value)}}));
    }

    ConnectedNode here;
};

}  // namespace torc::testing

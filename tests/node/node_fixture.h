// A whole node on a simulated disk and clock, driven in one thread: workers whose loops are turned by hand,
// and connections that are strings. What a test doesn't turn doesn't happen.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/config.h"
#include "node/client.h"
#include "node/keyspace.h"
#include "node/node.h"
#include "node/node_core.h"
#include "node/worker.h"
#include "sim/sim_clock.h"
#include "sim/sim_disk.h"

namespace torc {

class FakeHost final : public WorkerHost {
  public:
    void post(std::function<void()> task) override { posted.push_back(std::move(task)); }
    void run_blocking(std::function<void()> task) override { blocking.push_back(std::move(task)); }
    BusDialer* bus_dialer() override { return dialer; }

    BusDialer* dialer = nullptr;
    std::deque<std::function<void()>> posted;
    std::deque<std::function<void()>> blocking;
};

class FakePort final : public ClientPort {
  public:
    void wake() override { woken = true; }
    void send() override {
        if (client == nullptr || !reading) return;
        const size_t bytes = client->sendable();
        received.append(client->output().view().substr(0, bytes));
        client->sent(bytes);
    }
    void close(bool now) override { closed = true, closed_now = now; }

    Client* client = nullptr;
    std::string received;
    bool reading = true;  // false: a peer that doesn't read
    bool woken = false;
    bool closed = false;
    bool closed_now = false;
};

class NodeFixture;

/// One connection to one worker.
class Connection {
  public:
    Connection(NodeFixture& fixture, size_t worker);

    /// Sends inline commands or RESP, turns all loops until they are still, and returns what came back.
    std::string operator()(std::string_view line);
    /// Sends and runs only this worker's turn; nothing else moves.
    void send_only(std::string_view bytes);
    std::string take() { return std::exchange(port.received, {}); }

    NodeFixture& fixture;
    size_t worker;
    FakePort port;
    std::unique_ptr<Client> client;
};

class NodeFixture : public testing::Test {
  protected:
    ~NodeFixture() override { stop(); }

  public:
    /// Directives as on the command line: {"--appendonly", "no"}.
    void start(std::vector<std::string> directives = {}, size_t workers = 1) {
        std::vector<std::string> argv = {"--dir", "data", "--io-threads", std::to_string(workers)};
        argv.insert(argv.end(), directives.begin(), directives.end());
        config = std::make_unique<Config>();
        const auto parsed = config->load(argv);
        ASSERT_TRUE(parsed) << parsed.error().message;
        node = std::make_unique<Node>(*config,
                                      Node::Environment{*disk, clock, 42, [this] { stop_requested = true; }});
        const auto opened = node->open();
        ASSERT_TRUE(opened) << opened.error().message;
        for (size_t i = 0; i < workers; ++i) {
            hosts.push_back(std::make_unique<FakeHost>());
            this->workers.push_back(std::make_unique<Worker>(*node, *hosts[i], static_cast<unsigned>(i),
                                                             static_cast<unsigned>(workers)));
        }
        const auto loaded = node->load();
        ASSERT_TRUE(loaded) << loaded.error().message;
    }

    void stop(bool cleanly = true) {
        connections.clear();
        workers.clear();
        hosts.clear();
        if (node != nullptr && cleanly) (void)node->shutdown();
        node = nullptr;
    }

    Connection& connect(size_t worker = 0) {
        connections.push_back(std::make_unique<Connection>(*this, worker));
        return *connections.back();
    }

    /// One loop turn of one worker: posted tasks and woken connections, then end_turn().
    bool turn(size_t at) {
        bool moved = false;
        workers[at]->begin_turn();
        for (size_t n = hosts[at]->posted.size(); n-- > 0;) {
            const auto task = std::move(hosts[at]->posted.front());
            hosts[at]->posted.pop_front();
            task();
            moved = true;
        }
        for (const auto& connection : connections)
            if (connection->worker == at && std::exchange(connection->port.woken, false)) {
                connection->client->resume();
                moved = true;
            }
        workers[at]->end_turn();
        return moved;
    }
    bool run_blocking(size_t at) {
        bool moved = false;
        while (!hosts[at]->blocking.empty()) {
            const auto task = std::move(hosts[at]->blocking.front());
            hosts[at]->blocking.pop_front();
            task();
            moved = true;
        }
        return moved;
    }
    /// Until nothing moves any more.
    void settle() {
        for (bool moved = true; moved;) {
            moved = false;
            for (size_t i = 0; i < workers.size(); ++i) {
                if (run_blocking(i)) moved = true;
                if (turn(i)) moved = true;
            }
        }
    }
    /// A bit flips on the disk, in the first file with this text.
    void rot(const std::string& needle) {
        node->sync_step();
        const auto names = disk->list(config->text("dir"));
        ASSERT_TRUE(names);
        for (const std::string& name : *names) {
            const std::string path = config->text("dir") + "/" + name;
            auto file = disk->open(path, false);
            if (!file) continue;
            std::string bytes(*(*file)->size(), '\0');
            if (!(*file)->read_at(0, std::span(bytes.data(), bytes.size()))) continue;
            if (const size_t at = bytes.find(needle); at != std::string::npos)
                return disk->flip_bit(path, at + 3, 2);
        }
        FAIL() << needle << " is nowhere";
    }
    /// Time passes, and the loops' timers fire.
    void pass_ms(int64_t ms) {
        clock.advance_ms(ms);
        for (const auto& worker : workers) {
            worker->begin_turn();
            worker->on_timer();
            worker->end_turn();
        }
        settle();
    }

    std::unique_ptr<SimDisk> disk = std::make_unique<SimDisk>(7);
    SimClock clock;
    std::unique_ptr<Config> config;
    std::unique_ptr<Node> node;
    std::vector<std::unique_ptr<FakeHost>> hosts;
    std::vector<std::unique_ptr<Worker>> workers;
    std::vector<std::unique_ptr<Connection>> connections;
    bool stop_requested = false;
};

inline Connection::Connection(NodeFixture& the_fixture, size_t at) : fixture(the_fixture), worker(at) {
    auto state = std::make_unique<ClientState>();
    state->address = "127.0.0.1:5000" + std::to_string(fixture.connections.size());
    state->local = true;
    client = std::make_unique<Client>(*fixture.workers[worker], port, std::move(state));
    port.client = client.get();
}

inline void Connection::send_only(std::string_view bytes) {
    fixture.workers[worker]->begin_turn();
    client->input().append(bytes);
    client->on_input();
    fixture.workers[worker]->end_turn();
}

inline std::string Connection::operator()(std::string_view line) {
    std::string bytes(line);
    if (bytes.empty() || bytes.back() != '\n') bytes += "\r\n";
    send_only(bytes);
    fixture.settle();
    return take();
}

}  // namespace torc

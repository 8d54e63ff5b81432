#include "duel.h"

#include <fmt/format.h>

#include <set>
#include <thread>

#include "words.h"

namespace redis_tests {

namespace {

constexpr auto kWaitPoll = std::chrono::milliseconds(3);
constexpr int kMaxScanCalls = 100'000;

Reply array_of(std::vector<Reply> items) {
    return {'*', false, "", std::move(items)};
}

}  // namespace

Duel::Duel(ServerProcess& reference, ServerProcess& tested, std::chrono::milliseconds timeout)
    : servers_{&reference, &tested}, timeout_(timeout) {}

Reply Duel::ask(Connection& connection, const std::vector<std::string>& words) {
    connection.send(encode_command(words));
    return connection.read(timeout_);
}

void Duel::await_goodbyes(ServerProcess& server, Connection& control) {
    const auto deadline = std::chrono::steady_clock::now() + timeout_;
    while (!ask(control, {"INFO", "clients"}).text.contains("connected_clients:1\r\n")) {
        if (std::chrono::steady_clock::now() > deadline)
            throw Unplayable(fmt::format("the server on port {} still counts connections that were closed",
                                         server.port()));
        std::this_thread::sleep_for(kWaitPoll);
    }
}

void Duel::flush_both(const std::string& name, int proto) {
    connections_.clear();
    const Pair& pair = connection(name, proto);
    for (size_t i = 0; i < kServers; ++i) {
        await_goodbyes(*servers_[i], *pair[i]);
        const Reply reply = ask(*pair[i], {"FLUSHALL"});
        if (to_text(reply) != "+OK")
            throw Unplayable(fmt::format("{} answers {} to FLUSHALL{}; its last output: {}",
                                         i == 0 ? "the reference" : "the tested server", to_text(reply),
                                         servers_[i]->alive() ? "" : " and has ended",
                                         servers_[i]->last_output()));
    }
}

Duel::Pair& Duel::connection(const std::string& name, int proto) {
    Pair& pair = connections_[name];
    for (size_t i = 0; i < kServers; ++i) {
        if (pair[i] != nullptr) continue;
        pair[i] = std::make_unique<Connection>(servers_[i]->port());
        if (proto == 3) ask(*pair[i], {"HELLO", "3"});
    }
    return pair;
}

std::vector<Mismatch> Duel::play(const Case& played, int proto, bool stop_at_first) {
    if (played.steps.empty()) return {};
    flush_both(played.steps.front().connection, proto);
    std::vector<Mismatch> out;
    for (const Step& step : played.steps) {
        if (step.comparison.proto.value_or(proto) != proto) continue;
        for (Replies& replies : run(step, connection(step.connection, proto))) {
            if (same(replies[0], replies[1], step.comparison)) continue;
            out.push_back({&played, &step, proto, std::move(replies[0]), std::move(replies[1])});
            if (stop_at_first) return out;
        }
    }
    return out;
}

std::vector<Duel::Replies> Duel::run(const Step& step, Pair& pair) {
    std::vector<Replies> out;
    switch (step.kind) {
        case Step::Kind::command:
            for (auto& connection : pair) connection->send(encode_command(step.words));
            out.push_back({pair[0]->read(timeout_), pair[1]->read(timeout_)});
            break;
        case Step::Kind::send:
        case Step::Kind::raw: {
            std::string bytes;
            const std::string once = step.kind == Step::Kind::raw ? step.text : encode_command(step.words);
            for (int i = 0; i < step.count; ++i) bytes += once;
            for (auto& connection : pair) connection->send(bytes);
            break;
        }
        case Step::Kind::replies:
            for (int i = 0; i < step.count; ++i)
                out.push_back({pair[0]->read(timeout_), pair[1]->read(timeout_)});
            break;
        case Step::Kind::closed:
            // A reference that stays open makes the case itself wrong, so it must not look equal.
            for (auto& connection : pair) {
                Reply reply = connection->read(timeout_);
                if (reply != Reply::event("closed"))
                    out.push_back({Reply::event("closed"), std::move(reply)});
            }
            break;
        case Step::Kind::wait:
            out.push_back(wait_for(step, pair));
            break;
        case Step::Kind::transfer:
            out.push_back(transfer(step, pair));
            break;
        case Step::Kind::scan:
            out.push_back({scan(step, *pair[0]), scan(step, *pair[1])});
            break;
    }
    return out;
}

Duel::Replies Duel::wait_for(const Step& step, Pair& pair) {
    Replies replies;
    const auto deadline = std::chrono::steady_clock::now() + timeout_;
    for (size_t i = 0; i < kServers; ++i) {
        while (true) {
            replies[i] = ask(*pair[i], step.words);
            if (to_text(replies[i]) == step.text) break;
            if (std::chrono::steady_clock::now() > deadline) {
                replies[i] = Reply::event("never came: " + step.text);
                break;
            }
            std::this_thread::sleep_for(kWaitPoll);
        }
    }
    return replies;
}

Duel::Replies Duel::transfer(const Step& step, Pair& pair) {
    Replies replies{array_of({}), array_of({})};
    for (const std::string& key : step.words) {
        const std::array<Reply, kServers> payloads{ask(*pair[0], {"DUMP", key}),
                                                   ask(*pair[1], {"DUMP", key})};
        for (size_t i = 0; i < kServers; ++i) {
            const Reply& payload = payloads[1 - i];
            auto& results = replies[i].items;
            results.push_back(ask(*pair[i], {"RESTORE", "transferred:" + key, "0", payload.text}));
            results.push_back(ask(*pair[i], {"GET", "transferred:" + key}));
            ask(*pair[i], {"DEL", "transferred:" + key});
        }
    }
    return replies;
}

Reply Duel::scan(const Step& step, Connection& connection) {
    std::set<std::string> seen;
    std::string cursor = "0";
    for (int calls = 0; calls < kMaxScanCalls; ++calls) {
        std::vector<std::string> words{"SCAN", cursor};
        words.insert(words.end(), step.words.begin(), step.words.end());
        const Reply reply = ask(connection, words);
        if (reply.items.size() != 2) return reply;
        for (const Reply& key : reply.items[1].items) seen.insert(key.text);
        cursor = reply.items[0].text;
        if (cursor != "0") continue;
        Reply keys = array_of({});
        for (const std::string& key : seen) keys.items.push_back({'$', false, key, {}});
        return keys;
    }
    return Reply::event("a SCAN walk that does not end");
}

}  // namespace redis_tests

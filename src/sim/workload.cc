#include "sim/workload.h"

#include <fmt/format.h>

namespace torc {
namespace {

constexpr int64_t kPatienceUs = 5'000'000;
constexpr int64_t kLookUs = 50'000;

std::string as_command(const std::vector<std::string>& words) {
    std::string bytes = fmt::format("*{}\r\n", words.size());
    for (const std::string& word : words) bytes += fmt::format("${}\r\n{}\r\n", word.size(), word);
    return bytes;
}

}  // namespace

struct Workload::Caller {
    unsigned number = 0;
    bool once = false;  // writes o:* and nothing else
    Rng* rng = nullptr;
    unsigned machine = 0;
    uint64_t connection = 0;  // raised with each new one
    bool connected = false;
    std::weak_ptr<SimSession> session;
    std::weak_ptr<bool> process;
    std::string received;
    std::string leaving;   // what the node has sent of the reply
    uint64_t command = 0;  // raised with each
    bool waiting = false;
    int64_t sent_us = 0;
    std::vector<size_t> ops;  // of the command, in the history
    std::string resolving;    // the key of TORC.GET whose TORC.SET is to come
    unsigned left_here = 0;   // commands before it turns to another node
};

Workload::Workload(SimCluster& cluster, const Options& options, uint64_t seed)
    : cluster_(cluster), options_(options), rng_(seed), once_rng_(seed ^ 0x9e3779b97f4a7c15) {}

Workload::~Workload() = default;

void Workload::start() {
    for (unsigned i = 0; i < options_.clients + options_.once_clients; ++i) {
        callers_.push_back(std::make_unique<Caller>());
        Caller& caller = *callers_.back();
        caller.number = i;
        caller.once = i >= options_.clients;
        caller.rng = caller.once ? &once_rng_ : &rng_;
        next(caller);
    }
}

bool Workload::idle() const {
    for (const auto& caller : callers_)
        if (caller->waiting) return false;
    return true;
}

std::vector<std::string> Workload::keys() const {
    std::vector<std::string> keys;
    for (unsigned i = 0; i < options_.registers; ++i) keys.push_back(fmt::format("r:{}", i));
    for (unsigned i = 0; i < options_.expiring; ++i) keys.push_back(fmt::format("x:{}", i));
    for (unsigned i = 0; i < options_.counters; ++i) keys.push_back(fmt::format("c:{}", i));
    for (uint64_t i = 1; i < next_once_; ++i) keys.push_back(fmt::format("o:{}", i));
    return keys;
}

std::string Workload::fresh_value() {
    return fmt::format("v{}", next_value_++);
}

bool Workload::pick_machine(Rng& rng, unsigned& machine) {
    std::vector<unsigned> running;
    for (unsigned i = 0; i < cluster_.size(); ++i)
        if (cluster_.machine(i).process != nullptr && !cluster_.machine(i).gone) running.push_back(i);
    if (running.empty()) return false;
    machine = running[rng.below(running.size())];
    return true;
}

void Workload::next(Caller& caller) {
    const int64_t think_us = caller.once ? options_.once_think_us : options_.think_us;
    const auto us = static_cast<int64_t>(caller.rng->below(static_cast<uint64_t>(think_us) * 2));
    cluster_.events.after(us, [this, &caller] { begin(caller); });
}

void Workload::begin(Caller& caller) {
    if (stopped_) return;
    if (!caller.connected || caller.process.expired() || caller.left_here == 0) {
        hang_up(caller);
        if (!pick_machine(*caller.rng, caller.machine)) return next(caller);
        caller.connected = true;
        ++caller.connection;
        caller.left_here = 5 + static_cast<unsigned>(caller.rng->below(40));
        caller.process = cluster_.machine(caller.machine).process->lives();
    }
    --caller.left_here;
    caller.ops.clear();
    using Kind = HistoryOp::Kind;
    const auto a_register = [&] { return fmt::format("r:{}", rng_.below(options_.registers)); };
    if (!caller.resolving.empty()) return;
    if (caller.once) return write_once(caller);
    const uint64_t dice = rng_.below(100);
    if (dice < 25) {
        const std::string key = a_register(), value = fresh_value();
        note(caller, Kind::set, key, value);
        return send(caller, {"SET", key, value});
    }
    if (dice < 33) {
        const std::string key = a_register();
        note(caller, Kind::del, key, "");
        return send(caller, {"DEL", key});
    }
    if (dice < 53) {
        const std::string key = a_register();
        note(caller, Kind::get, key, "");
        return send(caller, {"GET", key});
    }
    if (dice < 57) {
        const std::string key = a_register();
        note(caller, Kind::get, key, "").weak = true;
        return send(caller, {"TORC.WITH", "R", "one", "GET", key});
    }
    if (dice < 62) {
        std::vector<std::string> words = {"MSET"};
        for (const uint64_t first = rng_.below(options_.registers); words.size() < 5;) {
            const uint64_t number = (first + words.size()) % options_.registers;
            words.push_back(fmt::format("r:{}", number));
            words.push_back(fresh_value());
            note(caller, Kind::set, words[words.size() - 2], words.back());
        }
        return send(caller, words);
    }
    if (dice < 66) {
        std::vector<std::string> words = {"MGET"};
        for (const uint64_t first = rng_.below(options_.registers); words.size() < 4;) {
            words.push_back(fmt::format("r:{}", (first + words.size()) % options_.registers));
            note(caller, Kind::get, words.back(), "");
        }
        return send(caller, words);
    }
    if (dice < 72) {
        caller.resolving = a_register();
        return send(caller, {"TORC.GET", caller.resolving});
    }
    if (dice < 80) {
        const std::string key = fmt::format("x:{}", rng_.below(options_.expiring));
        if (dice < 74) {
            note(caller, Kind::get, key, "");
            return send(caller, {"GET", key});
        }
        const std::string value = fresh_value();
        note(caller, Kind::set_expiring, key, value);
        return send(caller, {"SET", key, value, "PX", std::to_string(100 + rng_.below(4000))});
    }
    const std::string key = fmt::format("c:{}", rng_.below(options_.counters));
    const int64_t amount = rng_.one_in(3) ? -static_cast<int64_t>(1 + rng_.below(5)) : 1;
    note(caller, Kind::add, key, "").amount = amount;
    if (amount == 1) return send(caller, {"INCR", key});
    send(caller, {"DECRBY", key, std::to_string(-amount)});
}

void Workload::write_once(Caller& caller) {
    const std::string key = fmt::format("o:{}", next_once_), value = fmt::format("once{}", next_once_);
    ++next_once_;
    if (on_new_key) on_new_key(key);
    note(caller, HistoryOp::Kind::set, key, value);
    send(caller, {"SET", key, value});
}

HistoryOp& Workload::note(Caller& caller, HistoryOp::Kind kind, std::string key, std::string value) {
    caller.ops.push_back(history_.size());
    HistoryOp op;
    op.kind = kind;
    op.client = caller.number;
    op.machine = caller.machine;
    op.key = std::move(key);
    op.value = std::move(value);
    op.start_us = cluster_.events.now_us();
    op.calm = calm;
    history_.push_back(std::move(op));
    return history_.back();
}

void Workload::send(Caller& caller, const std::vector<std::string>& words) {
    caller.waiting = true;
    caller.leaving.clear();
    caller.sent_us = cluster_.events.now_us();
    const uint64_t command = ++caller.command;
    const uint64_t connection = caller.connection;
    const int64_t delay_us = 50 + static_cast<int64_t>(caller.rng->below(200));
    cluster_.events.after(delay_us, [this, &caller, connection, bytes = as_command(words)] {
        if (caller.connection != connection || caller.process.expired()) return;
        SimProcess& process = *cluster_.machine(caller.machine).process;
        process.loop(1).post([this, &caller, connection, &process, bytes] {
            if (caller.connection != connection) return;
            if (caller.session.expired()) {
                caller.session = process.connect([this, &caller, connection](std::string out) {
                    if (caller.connection == connection) leaves_node(caller, out);
                    const int64_t back_us = 50 + static_cast<int64_t>(caller.rng->below(200));
                    cluster_.events.after(back_us, [this, &caller, connection, out = std::move(out)] {
                        on_bytes(caller, connection, out);
                    });
                });
            }
            caller.session.lock()->input(bytes);
        });
    });
    cluster_.events.after(kLookUs, [this, &caller, command] { watch(caller, command); });
}

void Workload::watch(Caller& caller, uint64_t command) {
    if (!caller.waiting || caller.command != command) return;
    if (caller.process.expired() || cluster_.events.now_us() - caller.sent_us > kPatienceUs)
        return lost(caller);
    cluster_.events.after(kLookUs, [this, &caller, command] { watch(caller, command); });
}

void Workload::lost(Caller& caller) {
    caller.waiting = false;
    caller.resolving.clear();
    for (const size_t at : caller.ops) {
        history_[at].outcome = HistoryOp::Outcome::in_doubt;
        history_[at].calm = 0;
        history_[at].reply = "no reply";
    }
    hang_up(caller);
    next(caller);
}

void Workload::hang_up(Caller& caller) {
    caller.connected = false;
    ++caller.connection;
    caller.received.clear();
    const std::weak_ptr<SimSession> session = std::exchange(caller.session, {});
    if (caller.process.expired() || session.expired()) return;
    SimProcess& process = *cluster_.machine(caller.machine).process;
    process.loop(1).post([&process, session] { process.disconnect(session.lock()); });
}

void Workload::leaves_node(Caller& caller, std::string_view bytes) {
    caller.leaving += bytes;
    SimReply reply;
    if (!on_acknowledged || parse_reply(caller.leaving, reply) == 0 || reply.type == '-') return;
    for (const size_t at : caller.ops)
        if (history_[at].writes()) on_acknowledged(history_[at]);
}

void Workload::on_bytes(Caller& caller, uint64_t connection, std::string bytes) {
    if (caller.connection != connection) return;
    caller.received += bytes;
    SimReply reply;
    const size_t used = parse_reply(caller.received, reply);
    if (used == 0) return;
    caller.received.erase(0, used);
    if (!caller.waiting) return;
    caller.waiting = false;
    on_reply(caller, reply);
}

void Workload::on_reply(Caller& caller, const SimReply& reply) {
    using Kind = HistoryOp::Kind;
    using Outcome = HistoryOp::Outcome;
    if (!caller.resolving.empty() && caller.ops.empty()) {
        const std::string key = caller.resolving;
        if (reply.type != '*' || reply.items.empty()) {
            caller.resolving.clear();
            return next(caller);
        }
        const std::string value = fresh_value();
        note(caller, Kind::resolve, key, value);
        return send(caller, {"TORC.SET", key, value, "CONTEXT", reply.items[0].text});
    }
    caller.resolving.clear();
    for (size_t i = 0; i < caller.ops.size(); ++i) {
        HistoryOp& op = history_[caller.ops[i]];
        const SimReply& part = reply.type == '*' ? reply.items.at(i) : reply;
        const bool failed = part.type == '-';
        op.reply = part.text;
        if (op.calm != calm) op.calm = 0;
        if (failed && caller.ops.size() > 1) {
            op.outcome = Outcome::in_doubt;  // of several keys some may have been written
        } else if (failed) {
            const bool doubt = part.is_error("INDOUBT");
            op.outcome = doubt ? Outcome::in_doubt : Outcome::refused;
            if (!doubt) op.end_us = cluster_.events.now_us();
        } else {
            op.outcome = Outcome::acknowledged;
            op.end_us = cluster_.events.now_us();
            if (op.kind == Kind::get) {
                op.absent = part.nil;
                op.value = part.text;
            }
            if (op.kind == Kind::del) op.amount = part.integer();
        }
    }
    next(caller);
}

bool Workload::ask(SimCluster& cluster, unsigned machine, const std::vector<std::string>& words,
                   SimReply& reply) {
    SimProcess* const process = cluster.machine(machine).process.get();
    if (process == nullptr) return false;
    auto received = std::make_shared<std::string>();
    auto session = std::make_shared<std::weak_ptr<SimSession>>();
    process->loop(1).post([process, received, session, bytes = as_command(words)] {
        *session = process->connect([received](std::string out) { *received += out; });
        session->lock()->input(bytes);
    });
    bool good = false;
    for (int i = 0; i < 500 && !good; ++i) {
        cluster.run_for(10'000);
        good = parse_reply(*received, reply) != 0;
    }
    process->loop(1).post([process, session] { process->disconnect(session->lock()); });
    cluster.run_for(1'000);
    return good;
}

}  // namespace torc

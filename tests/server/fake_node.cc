#include "tests/server/fake_node.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace torc {
namespace {

FakeNode* current_fake = nullptr;

}  // namespace

FakeNode::FakeNode() {
    current_fake = this;
}
FakeNode::~FakeNode() {
    current_fake = nullptr;
}
FakeNode& FakeNode::current() {
    TORC_CHECK(current_fake != nullptr);
    return *current_fake;
}

void FakeNode::wake_all() {
    std::lock_guard lock(ports_mutex);
    for (ClientPort* port : ports) port->wake();
}

// ---- worker

struct WorkerCore {
    bool in_turn = false;
    std::vector<ClientCore*> dirty;
};
struct Worker::Impl : WorkerCore {};

struct ClientCore {
    WorkerCore& worker;
    ClientPort& port;
    std::unique_ptr<ClientState> state;
    Buffer input, output;
    size_t held = 0;
    std::string owed = {};
    bool paused = false;

    void run();
    void answer(std::string_view line) {
        output.append(line);
        output.append("\r\n");
        if (std::ranges::find(worker.dirty, this) == worker.dirty.end()) worker.dirty.push_back(this);
    }
    void one(std::string_view verb, const std::string& rest);
};

Worker::Worker(Node&, WorkerHost&, unsigned, unsigned) : impl_(std::make_unique<Impl>()) {}
Worker::~Worker() = default;
void Worker::begin_turn() {
    impl_->in_turn = true;
    ++FakeNode::current().begun_turns;
}
void Worker::end_turn() {
    std::vector<ClientCore*> turn;
    turn.swap(impl_->dirty);
    for (ClientCore* client : turn) client->port.send();
    impl_->in_turn = false;
    ++FakeNode::current().ended_turns;
}
void Worker::going_idle() {
    FakeNode::current().idle = true;
}
void Worker::back_from_idle() {
    FakeNode::current().idle = false;
}
void Worker::on_timer() {
    ++FakeNode::current().timer_ticks;
}
BusUser& Worker::bus_user() {
    TORC_CHECK(FakeNode::current().bus_user != nullptr);
    return *FakeNode::current().bus_user;
}
WorkerCore& Worker::core() {
    return reinterpret_cast<WorkerCore&>(*impl_);
}

// ---- client

Client::Client(Worker& worker, ClientPort& port, std::unique_ptr<ClientState> state)
    : core_(new ClientCore{worker.core(), port, std::move(state), {}, {}}) {
    FakeNode& fake = FakeNode::current();
    ++fake.live_clients;
    std::lock_guard lock(fake.ports_mutex);
    fake.ports.insert(&port);
}

Client::~Client() {
    FakeNode& fake = FakeNode::current();
    {
        std::lock_guard lock(fake.ports_mutex);
        fake.ports.erase(&core_->port);
    }
    std::erase(core_->worker.dirty, core_.get());
    --fake.live_clients;
}

void ClientCore::one(std::string_view verb, const std::string& rest) {
    if (verb == "echo") {
        answer("+" + rest);
    } else if (verb == "big") {
        answer(std::string(std::stoul(rest), 'x'));
    } else if (verb == "pause") {
        paused = true;
    } else if (verb == "block") {
        paused = true;
        state->blocked = true;
    } else if (verb == "owe") {
        owed = "+" + rest;
    } else if (verb == "hold") {
        answer("+" + rest);
        held = rest.size() + 3;
    } else if (verb == "quit") {
        answer("+OK");
        paused = true;
        port.close(false);
    } else if (verb == "kill") {
        paused = true;
        port.close(true);
    } else {
        answer("-ERR unknown word");
    }
}

void ClientCore::run() {
    if (!worker.in_turn) FakeNode::current().work_outside_turn = true;
    while (!paused) {
        const std::string_view view = input.view();
        const size_t end = view.find('\n');
        if (end == std::string_view::npos) return;
        const std::string line(view.substr(0, end));
        input.consume(end + 1);
        const size_t space = line.find(' ');
        one(std::string_view(line).substr(0, space),
            space == std::string::npos ? "" : line.substr(space + 1));
    }
}

Buffer& Client::input() {
    return core_->input;
}
void Client::on_input() {
    core_->run();
}
void Client::resume() {
    ++FakeNode::current().resumes;
    core_->held = 0;
    if (!core_->owed.empty()) core_->answer(std::exchange(core_->owed, ""));
    if (core_->paused) {
        core_->paused = false;
        core_->state->blocked = false;
        core_->answer("+resumed");
    } else if (!core_->output.empty()) {
        core_->worker.dirty.push_back(core_.get());
    }
    core_->run();
}
bool Client::paused() const {
    return core_->paused;
}
size_t Client::read_size() const {
    return 1024;
}
const Buffer& Client::output() const {
    return core_->output;
}
size_t Client::sendable() const {
    return core_->output.size() - core_->held;
}
void Client::sent(size_t bytes) {
    core_->output.consume(bytes);
}
bool Client::owes_replies() const {
    return !core_->owed.empty();
}
ClientState& Client::state() {
    return *core_->state;
}

// ---- node

struct NodeCore {};

Node::Node(Config&, Environment) {}
Node::~Node() = default;
Result<void> Node::open() {
    return {};
}
Result<void> Node::load() {
    if (FakeNode::current().fail_load) return fail(ErrorKind::corrupt, "no such luck");
    return {};
}
bool Node::loading() const {
    return false;
}
void Node::sync_step() {
    ++FakeNode::current().syncs;
}
void Node::on_sync_wanted(std::function<void()> wanted) {
    FakeNode::current().sync_wanted = std::move(wanted);
}

void Node::on_maintenance_wanted(std::function<void()>) {}
int64_t Node::maintenance_step() {
    return ++FakeNode::current().maintenance_steps < 10 ? 0 : 1000;
}
bool Node::warm_step() {
    return ++FakeNode::current().warm_steps < 5;
}
Result<void> Node::shutdown() {
    return {};
}
BusControl* Node::bus_control() {
    return FakeNode::current().bus_control;
}
Config& Node::config() {
    return FakeNode::current().config;
}
uint64_t Node::connected_clients() const {
    return static_cast<uint64_t>(FakeNode::current().live_clients);
}
bool Node::may_connect(bool, std::string&) {
    return true;
}

}  // namespace torc

#include "node/bus_executor.h"

#include "commands/command_table.h"
#include "node/dispatch.h"
#include "node/worker_core.h"

namespace torc {
namespace {

std::unique_ptr<ClientState> internal_state() {
    auto state = std::make_unique<ClientState>();
    state->address = "bus:0";
    state->local = true;
    return state;
}

}  // namespace

BusExecutor::BusExecutor(WorkerCore& worker)
    : worker_(worker),
      alive_(std::make_shared<BusExecutor*>(this)),
      client_(std::make_unique<ClientCore>(worker, *this, internal_state(), this)) {
    client_->boundaries = &boundaries_;
}

BusExecutor::~BusExecutor() {
    *alive_ = nullptr;
}

void BusExecutor::run(const CommandSpec* spec, const std::vector<std::string_view>& words,
                      const Settings& settings, Sink sink) {
    if (queue_.empty() && client_->pause == Pause::none && client_->retry.empty()) {
        sinks_.push_back(std::move(sink));
        start(spec, words, settings);
        return;
    }
    Request request;
    request.spec = spec;
    request.words.assign(words.begin(), words.end());
    request.settings = settings;
    request.sink = std::move(sink);
    waiting_bytes_ += bytes_of(request);
    queue_.push_back(std::move(request));
}

void BusExecutor::run_transaction(const std::vector<std::vector<std::string_view>>& commands,
                                  const Settings& settings, Sink sink) {
    Request request;
    request.words.emplace_back("exec");
    request.transaction = true;
    for (const auto& words : commands) request.queue.emplace_back(words.begin(), words.end());
    request.settings = settings;
    request.sink = std::move(sink);
    waiting_bytes_ += bytes_of(request);
    queue_.push_back(std::move(request));
    if (client_->pause == Pause::none && client_->retry.empty())
        while (feed()) {
        }
}

size_t BusExecutor::bytes_of(const Request& request) {
    size_t bytes = sizeof request;
    for (const std::string& word : request.words) bytes += word.size() + sizeof word;
    for (const auto& words : request.queue)
        for (const std::string& word : words) bytes += word.size() + sizeof word;
    return bytes;
}

bool BusExecutor::start(const CommandSpec* spec, const std::vector<std::string_view>& words,
                        const Settings& settings) {
    ClientState& state = *client_->state;
    state.protocol.store(settings.resp3 ? 3 : 2, std::memory_order_relaxed);
    client_->reply.set_protocol(settings.resp3 ? 3 : 2);
    state.readonly.store(settings.readonly, std::memory_order_relaxed);
    client_->cluster.must_join = settings.must_join;
    client_->cluster.read_level = settings.read_level;
    client_->cluster.write_level = settings.write_level;
    client_->cluster.must_watch = settings.must_watch;
    client_->cluster.relayed = settings.relayed;
    client_->cluster.deadline_ms = settings.deadline_ms;
    if (settings.writes != nullptr) client_->cluster.writes = settings.writes;
    client_->set_dirty();
    worker_.words.assign(words.begin(), words.end());
    Prepared command;
    command.word_count = static_cast<uint32_t>(words.size());
    if (spec != nullptr)
        prepare_as(worker_, command, *spec);
    else
        prepare(worker_, state, command);
    const bool go_on = client_->run_one(command);
    release_batch(worker_);
    return go_on;
}

void BusExecutor::fill_queue(std::vector<std::vector<std::string>>& commands) {
    ClientState& state = *client_->state;
    state.in_multi = true;
    state.multi_failed = false;
    state.queue.clear();
    for (auto& words : commands) {
        QueuedCommand queued;
        queued.spec = CommandTable::instance().find(words[0]);
        if (queued.spec != nullptr && !queued.spec->subcommands.empty() && words.size() > 1)
            queued.spec = CommandTable::find_subcommand(*queued.spec, words[1]);
        // The peer's dispatcher let only these into the queue; ours doesn't take its word for it.
        if (queued.spec == nullptr || !arity_fits(*queued.spec, words.size()) ||
            (queued.spec->flags & (kControl | kNoMulti)) != 0) {
            state.multi_failed = true;
            continue;
        }
        queued.words = std::move(words);
        state.queue.push_back(std::move(queued));
    }
}

bool BusExecutor::feed() {
    if (queue_.empty() || client_->pause != Pause::none) return false;
    Request request = std::move(queue_.front());
    queue_.pop_front();
    waiting_bytes_ -= bytes_of(request);
    sinks_.push_back(std::move(request.sink));
    if (request.transaction) fill_queue(request.queue);
    const std::vector<std::string_view> words(request.words.begin(), request.words.end());
    return start(request.spec, words, request.settings);
}

void BusExecutor::wake() {
    worker_.host.post([alive = alive_] {
        if (*alive != nullptr) (*alive)->client_->resume();
    });
}

void BusExecutor::send() {
    while (!boundaries_.empty() && boundaries_.front() <= client_->output_begin + client_->sendable()) {
        const auto size = static_cast<size_t>(boundaries_.front() - client_->output_begin);
        boundaries_.pop_front();
        const Sink sink = std::move(sinks_.front());
        sinks_.pop_front();
        sink(client_->output.view().substr(0, size - ClientCore::kReplyEnd));
        client_->output.consume(size);
        client_->output_begin += size;
    }
}

void BusExecutor::close(bool) {}

}  // namespace torc

#include "node/client_core.h"

#include <algorithm>
#include <vector>

#include "commands/call.h"
#include "node/coordinator.h"
#include "node/dispatch.h"
#include "node/node_faces.h"
#include "node/worker_core.h"

namespace torc {

ClientCore::ClientCore(WorkerCore& worker_core, ClientPort& client_port,
                       std::unique_ptr<ClientState> client_state, CommandFeeder* command_feeder)
    : worker(worker_core),
      port(client_port),
      state(std::move(client_state)),
      handle(std::make_shared<WakeHandle>(client_port)),
      inbox(std::make_shared<Inbox>(handle)),
      reply(output),
      feeder(command_feeder),
      replies(std::make_shared<ReplyQueue>(*this)) {
    state->created_ms = worker.now_ms;
    state->last_used_ms = worker.now_ms;
    state->id = worker.node.clients.next_id();
    worker.clients.push_back(this);
    state->authenticated = feeder != nullptr || worker.node.config.text("requirepass").empty();
    worker.node.clients.add(*this);
}

ClientCore::~ClientCore() {
    if (pause == Pause::lock) handle->unpark(worker.node.store->shard_lock(parked_at));
    handle->detach();
    replies->detach();
    if (worker.coordinator != nullptr) worker.coordinator->forget(*this);
    std::ranges::move(fetch.pins(), std::back_inserter(worker.pins_left));
    if (state->watch != nullptr) state->watch->dead = true;
    worker.node.monitors.remove(inbox.get());
    worker.node.clients.remove(*this);
    worker.forget(*this);
}

void ClientCore::set_dirty() {
    if (in_dirty) return;
    in_dirty = true;
    worker.dirty.push_back(this);
}

void ClientCore::on_input() {
    state->last_used_ms.store(worker.now_ms, std::memory_order_relaxed);
    set_dirty();
    if (pause != Pause::none) return;
    while (run_batch()) {
    }
}

bool ClientCore::parse_batch() {
    worker.words.clear();
    worker.prepared.clear();
    const ParseLimits limits{worker.node.config.live.proto_max_bulk_bytes.load(std::memory_order_relaxed),
                             state->authenticated};
    size_t at = 0;
    bool more = true;
    while (more && worker.prepared.size() < kBatch) {
        const size_t first = worker.words.size();
        const ParseResult result = parser.parse({input.data() + at, input.size() - at}, limits, worker.words);
        at += result.consumed;
        if (result.status == ParseStatus::command) {
            Prepared command;
            command.first_word = static_cast<uint32_t>(first);
            command.word_count = static_cast<uint32_t>(worker.words.size() - first);
            command.end = at;
            worker.prepared.push_back(command);
            // An inline command has been unquoted in place: if it or one before it has to wait, what was
            // parsed after it would be parsed a second time. Before AUTH has run, its limits hold for one
            // command only.
            more = !result.was_inline && state->authenticated;
        } else {
            parse_failed = result.status == ParseStatus::error;
            more = false;
        }
    }
    unparsed_from = at;
    return !worker.prepared.empty();
}

bool ClientCore::run_batch() {
    if (!retry.empty() && !run_retry()) return false;
    if (feeder != nullptr) return feeder->feed();
    if (input.empty()) return false;
    if (!parse_batch()) {
        input.consume(unparsed_from);
        if (parse_failed) protocol_error(parser.error());
        return false;
    }
    for (Prepared& command : worker.prepared) prepare(worker, *state, command);
    if (worker.prepared.size() > 1) {
        for (const Prepared& command : worker.prepared) prefetch_bucket(worker, *state, command);
        for (const Prepared& command : worker.prepared) prefetch_record(worker, *state, command);
    }
    for (const Prepared& command : worker.prepared) {
        if (__builtin_expect(run_one(command), 1)) continue;
        release_batch(worker);
        input.consume(command.end);
        if (unparsed_from != command.end) parser = RequestParser();
        return false;
    }
    release_batch(worker);
    input.consume(unparsed_from);
    if (parse_failed) {
        protocol_error(parser.error());
        return false;
    }
    // More may be there: the batch was full, or it ended at an inline command.
    return !input.empty() && !parser.pending();
}

bool ClientCore::run_retry() {
    const std::vector<std::string> words = std::exchange(retry, {});  // the views point here
    worker.words.assign(words.begin(), words.end());
    Prepared command;
    command.word_count = static_cast<uint32_t>(words.size());
    if (retry_spec != nullptr)
        prepare_as(worker, command, *std::exchange(retry_spec, nullptr));
    else
        prepare(worker, *state, command);
    const bool go_on = run_one(command);
    release_batch(worker);
    return go_on;
}

bool ClientCore::run_one(const Prepared& command) {
    if (__builtin_expect(worker.coordinator == nullptr, 1))
        return after(dispatch(worker, *this, command), command);
    const size_t mark = output.size();
    const bool behind = !replies->empty();
    const uint32_t unmarked_before = unmarked_replies;
    const Outcome outcome = dispatch(worker, *this, command);
    if (outcome == Outcome::done) settle_reply(mark, behind, unmarked_before);
    if (outcome != Outcome::again) cluster.joined = cluster.was_damaged = false;
    return after(outcome, command);
}

void ClientCore::settle_reply(size_t mark, bool behind, uint32_t unmarked_before) {
    if (std::exchange(reply_is_pending, false)) return;
    if (behind && !replies->empty()) {
        replies->push_ready(std::string(output.view().substr(mark)), seen_lsn, own_lsn,
                            unmarked_replies - unmarked_before);
        output.truncate(mark);
        unmarked_replies = unmarked_before;
    } else {
        end_reply();
    }
}

void ClientCore::end_reply() {
    if (boundaries == nullptr) return;
    output.push_back('\n');
    static_assert(kReplyEnd == 1);
    boundaries->push_back(output_begin + output.size());
}

void ClientCore::replies_came() {
    if (pause != Pause::replies || !replies->empty()) return;
    // Not from here: whoever completed the reply may be in the middle of something.
    handle->wake();
}

bool ClientCore::after(Outcome outcome, const Prepared& command) {
    if (__builtin_expect(outcome == Outcome::done, 1)) {
        if (__builtin_expect(!state->close_after_reply && !state->close_asap.load(std::memory_order_relaxed),
                             1))
            return true;
        if (state->close_after_reply && !replies->empty() && !state->close_asap) {
            pause = Pause::replies;  // resume() closes
            return false;
        }
        start_closing(false);
        return false;
    }
    if (outcome == Outcome::again) {
        const auto first = worker.words.begin() + command.first_word;
        retry.assign(first, first + command.word_count);
        if (feeder != nullptr) retry_spec = command.spec;
        if (pause == Pause::room) worker.wait_for_log(*this);
        state->paused = pause == Pause::client_pause;
    } else {
        state->blocked = true;
        worker.begin_block(*this);
    }
    if (pause == Pause::block || pause == Pause::client_pause) worker.wait_for_time(*this);
    return false;
}

void ClientCore::resume() {
    if (pause == Pause::closing) return;
    set_dirty();
    if (const std::string pushed = inbox->take(); !pushed.empty()) output.append(pushed);
    if (inbox->overflowed() || state->close_asap) {
        start_closing(true);
        return;
    }
    if (const int unblock = state->unblock.exchange(0); unblock != 0 && pause == Pause::block) {
        finish_block(true, unblock != 1);
        return;
    }
    switch (pause) {
        case Pause::none:
            return;  // a read may be under way into `input`: it isn't ours to touch
        case Pause::lock:
            handle->unpark(worker.node.store->shard_lock(parked_at));
            break;
        case Pause::fetch:
            if (fetch.running()) return;
            break;
        case Pause::room:
            if (!worker.node.store->log().has_room()) return;
            break;
        case Pause::quorum:
            if (cluster.joining) return;
            break;
        case Pause::replies:
            if (!replies->empty()) return;
            if (state->close_after_reply) {
                pause = Pause::none;
                start_closing(false);
                return;
            }
            break;
        case Pause::client_pause:  // perhaps not for this command: the dispatcher looks again
            break;
        case Pause::block:
        case Pause::closing:
            return;
    }
    pause = Pause::none;
    state->paused = false;
    while (run_batch()) {
    }
}

void ClientCore::finish_block(bool timed_out, bool with_error) {
    const Block block = std::exchange(state->block, Block{});
    waits_for_sync = false;
    state->blocked = false;
    pause = Pause::none;
    set_dirty();
    ++unmarked_replies;
    if (with_error) {
        reply.error("UNBLOCKED client unblocked via CLIENT UNBLOCK");
    } else if (block.finish != nullptr) {
        const CommandSpec* spec = state->last_command.load();
        StoreKeyspace& keys = *worker.keyspaces[state->db];
        // A finisher sees no data: it has no locks.
        state->block.arguments[0] = block.arguments[0];
        state->block.arguments[1] = block.arguments[1];
        state->block.lsn = block.lsn;
        Call call{*spec, {}, keys, *state, *worker.node.faces, reply, worker.now_ms};
        block.finish(call, timed_out);
        state->block = Block{};
    }
    end_reply();
    while (run_batch()) {
    }
}

// ---- when replies may leave

void ClientCore::mark_replies() {
    const uint64_t end = output_begin + output.size();
    state->input_bytes.store(input.size(), std::memory_order_relaxed);
    state->input_free.store(input.capacity() - input.size(), std::memory_order_relaxed);
    state->output_bytes.store(output.size(), std::memory_order_relaxed);
    state->total_memory.store(input.capacity() + output.capacity() + sizeof *this + sizeof *state,
                              std::memory_order_relaxed);
    if (hold != nullptr) {
        if (hold->load(std::memory_order_acquire) != 0) return;  // the last worker wakes us
        hold = nullptr;
    }
    // While the log fails, reads go on: they may show what a crash would lose, and only their own writes hold
    // replies.
    const Lsn needed = seen_lsn == 0 ? 0 : worker.node.log_is_failing() ? own_lsn : seen_lsn;
    if (needed != 0 && worker.node.store->log_enabled() && needed > worker.node.durable_lsn()) {
        if (!marks.empty() && marks.back().lsn >= needed) {
            marks.back().end = end;
            marks.back().replies += unmarked_replies;
        } else {
            marks.push_back({needed, end, unmarked_replies});
        }
    } else if (marks.empty()) {
        releasable = end;
    } else {
        marks.back().end = end;
        marks.back().replies += unmarked_replies;
    }
    seen_lsn = own_lsn = 0;
    unmarked_replies = 0;
}

bool ClientCore::release(Lsn durable) {
    while (!marks.empty() && marks.front().lsn <= durable) {
        releasable = marks.front().end;
        marks.pop_front();
    }
    return marks.empty();
}

void ClientCore::answer_in_doubt() {
    if (marks.empty()) return;
    // What was written since the last mark isn't held for anything yet, and stays behind the rest.
    const uint64_t held_end = marks.back().end;
    const std::string later(output.view().substr(held_end - output_begin));
    std::vector<uint64_t> later_ends;
    uint32_t held = 0;
    for (const Mark& mark : marks) held += mark.replies;
    marks.clear();
    if (boundaries != nullptr) {
        for (held = 0; !boundaries->empty() && boundaries->back() > releasable; boundaries->pop_back()) {
            if (boundaries->back() <= held_end)
                ++held;
            else
                later_ends.push_back(boundaries->back() - held_end);
        }
    }
    output.truncate(releasable - output_begin);
    for (uint32_t i = 0; i < held; ++i) {
        reply.error("INDOUBT the change was applied but the log can't be written: a crash now would lose it");
        end_reply();
    }
    releasable = output_begin + output.size();
    output.append(later);
    for (size_t i = later_ends.size(); i-- > 0;) boundaries->push_back(releasable + later_ends[i]);
}

void ClientCore::start_closing(bool now) {
    if (pause == Pause::closing) return;
    if (pause == Pause::lock) handle->unpark(worker.node.store->shard_lock(parked_at));
    pause = Pause::closing;
    set_dirty();
    port.close(now);
}

void ClientCore::protocol_error(std::string_view text) {
    const size_t mark = reply.position();
    const uint32_t unmarked_before = unmarked_replies;
    reply.error(text);
    ++unmarked_replies;
    worker.node.error_stats.count(text);
    if (replies->empty()) return start_closing(false);
    settle_reply(mark, true, unmarked_before);  // behind those that other nodes are asked for
    state->close_after_reply = true;
    pause = Pause::replies;  // resume() closes
}

void ClientCore::shrink() {
    if (output.empty() && output.capacity() > kLargeRead) output.release();
    const bool quiet = worker.now_ms - state->last_used_ms.load(std::memory_order_relaxed) > 2000;
    if (quiet && read_size > kSmallRead) read_size = kSmallRead;
}

// ---- the server's face

Client::Client(Worker& worker, ClientPort& port, std::unique_ptr<ClientState> state)
    : core_(std::make_unique<ClientCore>(worker.core(), port, std::move(state))) {}
Client::~Client() = default;

Buffer& Client::input() {
    return core_->input;
}

void Client::on_input() {
    // A read that filled what was offered says that there's more: offer more.
    if (core_->input.size() >= core_->read_size && core_->read_size < ClientCore::kLargeRead)
        core_->read_size = std::min(core_->read_size * 4, ClientCore::kLargeRead);
    KeyspaceCounters::add(core_->worker.traffic.input_bytes, core_->input.size() - core_->input_left);
    KeyspaceCounters::add(core_->worker.traffic.reads);
    core_->on_input();
    core_->input_left = core_->input.size();
}

void Client::resume() {
    core_->resume();
}
bool Client::paused() const {
    return core_->pause != Pause::none;
}

size_t Client::read_size() const {
    // A big argument on its way gets room for all of it once, though not before it has proved to be coming.
    if (core_->parser.pending() && core_->parser.needed() > core_->input.size() + core_->read_size) {
        const size_t missing = core_->parser.needed() - core_->input.size();
        return std::min(missing, std::max<size_t>(core_->input.size(), ClientCore::kLargeRead));
    }
    return core_->read_size;
}

const Buffer& Client::output() const {
    return core_->output;
}
size_t Client::sendable() const {
    return core_->sendable();
}

bool Client::owes_replies() const {
    return !core_->replies->empty();
}

void Client::sent(size_t bytes) {
    KeyspaceCounters::add(core_->worker.traffic.output_bytes, bytes);
    KeyspaceCounters::add(core_->worker.traffic.writes);
    core_->output.consume(bytes);
    core_->output_begin += bytes;
    core_->state->output_bytes.store(core_->output.size(), std::memory_order_relaxed);
}

ClientState& Client::state() {
    return *core_->state;
}

}  // namespace torc

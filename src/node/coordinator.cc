#include "node/coordinator.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "base/config.h"
#include "base/log.h"
#include "base/mutant.h"
#include "node/client_core.h"
#include "node/control_plane.h"
#include "node/coordinator_link.h"
#include "node/errand_op.h"
#include "node/internal_commands.h"
#include "node/node_core.h"
#include "node/sync_op.h"
#include "node/worker_core.h"

namespace torc {
namespace {

/// A link with so much unsent is as good as broken.
constexpr size_t kMostQueued = 64u << 20;
constexpr size_t kFrameSoftLimit = 1u << 20;
/// A replica's disk may be slow; when its link breaks it's over at once.
constexpr int64_t kSyncTimeoutMs = 60'000;
/// Of a frame, looked at before the first is served.
constexpr size_t kMessagesAhead = 64;
/// A stand-in hears by gossip that the preferred coordinator is settled again; until then both decide.
constexpr int64_t kHandOverMs = 2000;

}  // namespace

Coordinator::Coordinator(WorkerCore& worker, ClusterCore& cluster)
    : worker_(worker),
      cluster_(cluster),
      cells_(*worker.node.store, cluster),
      topology_(cluster.topology()),
      plans_(kShards, std::make_shared<const ShardPlan>()),
      own_executors_(kExecutorsPerLink) {
    worker_.run.cells = &cells_;
    worker_.run.topology = topology_.get();
    cluster_.worker_sees(this, topology_->version);
}

Coordinator::~Coordinator() {
    stop();
}

void Coordinator::stop() {
    cluster_.worker_gone(this);
    ops_.clear();
    deferred_.clear();
    links_by_number_.clear();
    dialled_.clear();
    links_.clear();
    own_executors_.clear();
}

int64_t Coordinator::now_ns() const {
    if (moment_ns_ == 0) moment_ns_ = worker_.node.environment.clock.monotonic_ns();
    return moment_ns_;
}

int64_t Coordinator::now_ms() const {
    return now_ns() / 1'000'000;
}

int64_t Coordinator::request_timeout_ms() const {
    return worker_.node.config.live.cluster_request_timeout_ms.load(std::memory_order_relaxed);
}

uint64_t Coordinator::pauses() const {
    return worker_.node.control->counters().pauses.load(std::memory_order_relaxed);
}

const std::shared_ptr<const ShardPlan>& Coordinator::shared_plan(ShardId shard) {
    std::shared_ptr<const ShardPlan>& present = plans_[shard];
    const ShardPlan& plan = *present;
    const bool stale =
        plan.version != topology_->version ||
        (plan.self >= 0 && plan.replicas[static_cast<size_t>(plan.self)].settled != cluster_.taken(shard));
    if (__builtin_expect(stale, 0)) {
        auto fresh = std::make_shared<ShardPlan>();
        make_shard_plan(*fresh, *topology_, cluster_, shard);
        present = std::move(fresh);
    }
    return present;
}

bool Coordinator::took_long_ago(ShardId shard) const {
    return cluster_.taken(shard) && now_ms() >= cluster_.taken_since_ms(shard) + kHandOverMs;
}

bool Coordinator::trusts_own_copy(ShardId shard) {
    const ShardPlan& at = plan(shard);
    return at.self_owns() && at.self == at.first && at.coordinator() == at.self && took_long_ago(shard);
}

void Coordinator::begin_turn() {
    moment_ns_ = 0;
    if (cluster_.topology_version() != topology_->version) refresh_topology();
    if (const uint64_t now = cluster_.key_policies_version(); policies_version_ != now) {
        policies_version_ = now;
        policies_ = cluster_.key_policies();
        worker_.run.siblings.by_key = policies_.get();
    }
}

void Coordinator::refresh_topology() {
    topology_ = cluster_.topology();
    cluster_.worker_sees(this, topology_->version);
    worker_.run.topology = topology_.get();
    BusDialer* dialer = worker_.host.bus_dialer();
    if (dialer == nullptr) return;
    std::vector<NodeId> wanted;
    for (const Peer& peer : topology_->peers) {
        if (peer.liveness == Liveness::left || peer.bus.host.empty()) continue;
        wanted.push_back(peer.id);
        dialer->keep_link(peer.id, peer.bus);
    }
    for (const NodeId kept : kept_)
        if (std::ranges::find(wanted, kept) == wanted.end()) dialer->drop_link(kept);
    kept_ = std::move(wanted);
}

void Coordinator::end_turn() {
    if (std::exchange(acked_, false)) worker_.end_replica_waits();
    // What is left for the end may leave more; a bounded number, then others have their turn.
    for (size_t n = deferred_.size(); n-- > 0 && !deferred_.empty();) {
        Deferred task = std::move(deferred_.front());
        deferred_.pop_front();
        OwnExecutor& own = own_executor(task.session);
        own.origin = std::move(task.origin);
        BusExecutor& executor = *own.runs;
        // An executor's own counts would go on from whoever ran there before.
        if (task.settings.writes == nullptr) task.settings.writes = std::make_shared<WriteAcks>();
        const std::vector<std::vector<std::string_view>> commands = task.commands.views();
        if (task.transaction)
            executor.run_transaction(commands, task.settings, std::move(task.sink));
        else
            executor.run(task.spec, commands.front(), task.settings, std::move(task.sink));
    }
    if (!deferred_.empty()) worker_.host.post([] {});
}

/// The one that's busy with this session, else one that's idle.
Coordinator::OwnExecutor& Coordinator::own_executor(uint64_t session) {
    const auto find = [this](auto which) { return std::ranges::find_if(own_executors_, which); };
    auto executor = own_executors_.end();
    if (session != 0)
        executor = find([session](const OwnExecutor& each) {
            return each.session == session && each.runs != nullptr && !each.idle();
        });
    if (executor == own_executors_.end())
        executor = find([](const OwnExecutor& each) { return each.idle(); });
    if (executor == own_executors_.end())
        executor = find([](const OwnExecutor& each) { return each.runs == nullptr; });
    if (executor == own_executors_.end()) executor = own_executors_.emplace(executor);
    if (executor->runs == nullptr) executor->runs = std::make_unique<BusExecutor>(worker_);
    executor->session = session;
    return *executor;
}

void Coordinator::send_frames() {
    if (std::exchange(wrote_, false) && !mutant("ack-before-log")) {
        Log& log = worker_.node.store->log();
        if (worker_.node.store->log_enabled() && log.written_lsn() < log.last_lsn()) log.flush();
    }
    for (const uint64_t number : open_links_) {
        const auto at = links_by_number_.find(number);
        if (at != links_by_number_.end()) seal(*at->second);
    }
    open_links_.clear();
}

void Coordinator::seal(Link& link) {
    if (link.open.empty()) return;
    ClusterCounters::add(cluster_.counters.frames_sent);
    ClusterCounters::add(cluster_.counters.bytes_sent, link.open.size());
    link.link->send(link.open);
    link.open.clear();
    if (link.link->queued_bytes() <= kMostQueued) return;
    ClusterCounters::add(cluster_.counters.links_overrun);
    link.link->reset();
}

std::string* Coordinator::frame_of(Link& link) {
    if (link.open.size() > kFrameSoftLimit) seal(link);
    if (link.open.empty()) {
        const RingState& ring = topology_->ring->state();
        append_frame_head(link.open, {ring.cluster_id, ring.epoch});
        open_links_.push_back(link.number);
    }
    return &link.open;
}

std::string* Coordinator::open_frame(NodeId to) {
    const auto at = dialled_.find(to);
    return at == dialled_.end() ? nullptr : frame_of(*at->second);
}

std::string* Coordinator::reply_frame(uint64_t link) {
    const auto at = links_by_number_.find(link);
    return at == links_by_number_.end() ? nullptr : frame_of(*at->second);
}

bool Coordinator::send_exchange(NodeId to, const ExchangeMessage& message) {
    std::string* frame = open_frame(to);
    return frame != nullptr && put(*frame, message, false);
}

// ---- operations

void Coordinator::remove(uint64_t op) {
    ops_.erase(op);
}

/// Ops may add and remove ops while they are asked.
template <class Ask>
void Coordinator::for_each_op(Ask ask) {
    for (const uint64_t number : ops_.numbers()) {
        BusOp* op = ops_.find(number);
        if (op != nullptr && ask(*op)) ops_.erase(number);
    }
}

void Coordinator::step(uint64_t op, const std::function<bool(BusOp&)>& what) {
    BusOp* found = ops_.find(op);
    if (found != nullptr && what(*found)) ops_.erase(op);
}

void Coordinator::on_timer() {
    moment_ns_ = 0;
    const int64_t now = now_ms();
    hedging_.on_tick(now);
    // After a pause of this node nobody else has been slow.
    const bool stood_still = std::exchange(timer_pauses_, pauses()) != pauses();
    std::vector<uint64_t> ending;
    for_each_op([&](BusOp& op) {
        if (stood_still) op.deadline_ms = std::max(op.deadline_ms, now + request_timeout_ms() / 2);
        if (op.deadline_ms <= now) ending.push_back(op.number);
        return op.on_tick(now);
    });
    for (const auto& [link, state] : links_)
        std::erase_if(state->sessions, [now](const auto& entry) {
            const Link::Session& session = entry.second;
            if (session.executor->client().pause == Pause::closing) return true;
            const bool quiet =
                now - session.used_ms > kSessionIdleMs && session.executor->client().state->watch == nullptr;
            // Who asked to WAIT is gone.
            if (session.ending && session.executor->client().pause == Pause::block) return true;
            return (session.ending || quiet) && session.executor->idle();
        });
    for (OwnExecutor& own : own_executors_)
        if (own.runs != nullptr && own.runs->client().pause == Pause::block && own.origin != nullptr &&
            own.origin->client() == nullptr)
            own.runs = nullptr;
    // As many as were needed at once; a few are kept.
    for (size_t i = own_executors_.size(); i-- > 0 && own_executors_.size() > kExecutorsPerLink;)
        if (own_executors_[i].runs == nullptr || own_executors_[i].idle())
            own_executors_.erase(own_executors_.begin() + static_cast<long>(i));
    for (const uint64_t number : ending) {
        BusOp* op = ops_.find(number);
        if (op == nullptr) continue;
        op->deadline_ms = INT64_MAX;  // it comes once
        if (op->on_deadline()) ops_.erase(number);
    }
}

void Coordinator::defer(Deferred task) {
    deferred_.push_back(std::move(task));
    worker_.host.post([] {});
}

void Coordinator::send_errand(Errand errand) {
    if (errand.deadline_ms == 0) errand.deadline_ms = now_ms() + request_timeout_ms();
    NodeId target = errand.node;
    if (target == 0) {
        const ShardPlan& shard_plan = plan(errand.shard);
        const int place = shard_plan.coordinator();
        if (place >= 0)
            target = shard_plan.replicas[static_cast<size_t>(place)].id;
        else
            target = cluster_.self;  // nobody's left: we stand in ourselves, or say that it can't be
    }
    if (target == cluster_.self) {
        BusExecutor::Settings settings;
        settings.resp3 = errand.resp3;
        settings.readonly = errand.readonly;
        settings.read_level = errand.read_level;
        settings.write_level = errand.write_level;
        settings.writes = std::move(errand.writes);
        if (ClientCore* origin = errand.origin == nullptr ? nullptr : errand.origin->client())
            origin->cluster.forwards_astray = true;
        const CommandSpec* const spec = errand.transaction ? nullptr : errand_command(errand.commands.name());
        return defer({spec, std::move(errand.commands), errand.transaction, settings, std::move(errand.done),
                      errand.order == 0 ? 0 : errand.session, errand.origin});
    }
    const int64_t left = errand.deadline_ms - now_ms();
    ErrandOp& op =
        add(std::make_unique<ErrandOp>(*this, std::move(errand), target), std::max<int64_t>(left, 1));
    // Without a link it's tried again in a moment: nothing was sent.
    if (!op.start()) {
        ForwardReply nobody;
        nobody.status = BusStatus::later;
        (void)op.on_forward_reply(target, nobody);
    }
}

// ---- links

void Coordinator::on_link_up(BusLink& link) {
    auto state = std::make_unique<Link>();
    state->link = &link;
    state->number = next_link_++;
    state->peer = link.peer();
    links_by_number_[state->number] = state.get();
    if (link.dialled())
        dialled_[state->peer] = state.get();
    else
        cluster_.count_link_from(state->peer, 1);
    links_[&link] = std::move(state);
}

void Coordinator::on_link_down(BusLink& link) {
    const auto at = links_.find(&link);
    if (at == links_.end()) return;
    const std::unique_ptr<Link> dead = std::move(at->second);
    links_.erase(at);
    links_by_number_.erase(dead->number);
    if (!link.dialled()) cluster_.count_link_from(dead->peer, -1);
    const auto dialled = dialled_.find(dead->peer);
    if (dialled == dialled_.end() || dialled->second != dead.get()) return;
    dialled_.erase(dialled);
    for_each_op([&](BusOp& op) { return op.on_peer_lost(dead->peer); });
}

void Coordinator::on_frame(BusLink& link, std::string_view payload) {
    const auto at = links_.find(&link);
    if (at == links_.end()) return;
    moment_ns_ = 0;
    ClusterCounters::add(cluster_.counters.frames_received);
    ClusterCounters::add(cluster_.counters.bytes_received, payload.size());
    BusFrameReader reader(payload);
    bool good = reader.valid();
    // Of another cluster, or of one that one of us has left: not our business.
    const bool ours = reader.head().cluster_id == topology_->ring->state().cluster_id;
    Link& from = *at->second;
    while (good && ours) {
        messages_.clear();
        while (messages_.size() < kMessagesAhead) {
            const auto message = reader.next();
            if (!message) break;
            messages_.push_back(*message);
        }
        if (messages_.empty()) break;
        prefetch_messages();
        for (const BusFrameReader::Message& message : messages_) {
            on_message(from, reader.head(), message, good);
            if (!good) break;
        }
    }
    worker_.locks.release();
    if (good && reader.valid()) return;
    log_warning("Bus: malformed frame from node {}; link reset", node_name(link.peer()));
    link.reset();
}

void Coordinator::on_message(Link& link, const BusFrameHead& head, const BusFrameReader::Message& message,
                             bool& good) {
    // `answer`: which op it concerns, and what the op makes of it.
    const auto answer = [&](const auto& decoded, auto deliver) {
        good = decoded.has_value();
        if (!good) return;
        BusOp* op = ops_.find(decoded->op);
        if (op != nullptr && deliver(*op)) ops_.erase(decoded->op);
    };
    const auto request = [&](const auto& decoded, auto serve) {
        good = decoded.has_value();
        if (good) serve();
    };
    switch (message.kind) {
        case BusKind::ack: {
            const auto ack = decode_ack(message.body);
            acked_ = true;
            answering_link_ = link.number;
            return answer(ack, [&](BusOp& op) { return op.on_ack(link.peer, *ack); });
        }
        case BusKind::read_reply: {
            const auto reply = decode_read_reply(message.body);
            return answer(reply, [&](BusOp& op) { return op.on_read_reply(link.peer, *reply); });
        }
        case BusKind::forward_reply: {
            const auto reply = decode_forward_reply(message.body);
            return answer(reply, [&](BusOp& op) { return op.on_forward_reply(link.peer, *reply); });
        }
        case BusKind::exchange_reply: {
            const auto reply = decode_exchange(message.body);
            return answer(reply, [&](BusOp& op) { return op.on_exchange_reply(link.peer, *reply); });
        }
        case BusKind::merge: {
            const auto merge = decode_merge(message.body);
            return request(merge, [&] { serve_merge(link, head, *merge); });
        }
        case BusKind::read: {
            const auto read = decode_read(message.body);
            return request(read, [&] { serve_read(link, *read); });
        }
        case BusKind::forward: {
            good = decode_forward_into(forward_, message.body);
            if (good) serve_forward(link, forward_);
            return;
        }
        case BusKind::exchange: {
            const auto exchange = decode_exchange(message.body);
            return request(exchange, [&] { serve_exchange(link, *exchange); });
        }
        case BusKind::reap: {
            const auto reap = decode_reap(message.body);
            return request(reap, [&] { serve_reap(link, *reap); });
        }
        case BusKind::sync: {
            const auto sync = decode_sync(message.body);
            return request(sync, [&] { serve_sync(link, *sync); });
        }
        case BusKind::session_end: {
            const auto end = decode_session_end(message.body);
            return request(end, [&] {
                const auto session = link.sessions.find(end->session);
                if (session != link.sessions.end()) session->second.ending = true;
            });
        }
    }
}

uint16_t Coordinator::link_version(NodeId to) const {
    const auto link = dialled_.find(to);
    return link == dialled_.end() ? 0 : link->second->link->version();
}

void Coordinator::ask_synced(const WriteAcks& writes) {
    boost::container::small_vector<std::pair<uint64_t, SyncOp::Writes>, 3> asks;  // by link
    writes.for_each([&](const WriteAcks::Acks& acks) {
        if (acks == nullptr) return;
        for (ReplicaAcks::Replica& replica : acks->replicas) {
            const auto link = dialled_.find(replica.node);
            // Another link may lead to another run of that node, which needn't have the write.
            if (replica.asked || link == dialled_.end() || link->second->number != replica.link ||
                link->second->link->version() < SyncMessage::kSince)
                continue;
            replica.asked = true;
            auto ask = std::ranges::find(asks, replica.link, &std::pair<uint64_t, SyncOp::Writes>::first);
            if (ask == asks.end()) ask = asks.insert(asks.end(), {replica.link, {}});
            ask->second.push_back(acks);
        }
    });
    for (auto& [link, acks] : asks) {
        const NodeId node = links_by_number_.at(link)->peer;
        SyncOp& op = add(std::make_unique<SyncOp>(node, std::move(acks)), kSyncTimeoutMs);
        (void)send(node, SyncMessage{op.number});
    }
}

void Coordinator::forget(ClientCore& client) {
    if (client.feeder == nullptr) end_sessions(client);
}

void Coordinator::end_watch(ClientCore& client) {
    ClusterClient& state = client.cluster;
    state.watched_slot = -1;
    state.watch_lost = false;
    const NodeId watching = std::exchange(state.watching, 0);
    if (watching == 0) return;
    Errand errand;
    errand.commands.add({"unwatch"});
    errand.node = watching;
    errand.session = client.state->id;
    errand.done = [](std::string_view) {};
    send_errand(std::move(errand));
}

void Coordinator::end_sessions(ClientCore& client) {
    for (const NodeId peer : client.cluster.sessions_at) (void)send(peer, SessionEnd{client.state->id});
    client.cluster.sessions_at.clear();
}

}  // namespace torc

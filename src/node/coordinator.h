// One worker's part of the cluster: where each command runs, and what it takes of other nodes until its reply
// may leave. The heart of the write and read paths (docs/ARCHITECTURE.md, "The life of a write").
//
//   route()   before a command runs: here, or on another node (forwarded: the reply comes by a ticket), or
//             not before other replicas have been asked for its keys (an unsettled or substitute
//             coordinator, CORRECTNESS 2), or not at all
//   ran()     after it ran here: its changes go to the other replicas, and the reply waits for W of them; or
//             its keys' digests are compared with R - 1 others
//
// Everything that waits for a peer is an Op (bus_op.h), found again by the number that the answer carries.
//
// Thread rule: its worker's thread.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "commands/args.h"
#include "commands/command.h"
#include "node/bus.h"
#include "node/bus_executor.h"
#include "node/bus_message.h"
#include "node/bus_op.h"
#include "node/cell_store.h"
#include "node/cluster_core.h"
#include "node/gather.h"
#include "node/hedging.h"
#include "node/held_answers.h"
#include "node/op_table.h"
#include "node/packed_commands.h"
#include "node/request_times.h"
#include "node/shard_plan.h"

namespace torc {

struct ClientCore;
struct JoinTerms;
struct Prepared;
struct WorkerCore;
class WriteAcks;

class Coordinator final : public BusUser {
  public:
    Coordinator(WorkerCore& worker, ClusterCore& cluster);
    ~Coordinator() override;

    /// Nothing is waited for and nobody is served any more.
    void stop();

    // ---- the worker's loop
    void begin_turn();
    /// Runs what commands of this turn left for its end. Before replies are looked at.
    void end_turn();
    /// Writes the log, for what the frames tell others is then on its way to disk here too, and hands the
    /// frames to the links. Last in the turn.
    void send_frames();
    void on_timer();
    /// Answers to peers wait for the log.
    bool holds_answers() const { return !held_.empty() || !held_syncs_.empty(); }
    /// Has the log got so far that an answer about it may go?
    bool has_synced_answers() const;
    /// ... and some of them haven't been looked at since they came.
    bool has_new_answers() const { return holds_answers() && held_are_new_; }
    /// Sends those that depend on no more than this.
    void release_answers(Lsn durable);
    /// The log refuses to be written: what was merged is here, but can't be called so.
    void refuse_answers();

    // ---- the dispatcher
    enum class Route : uint8_t {
        here,
        elsewhere,  // its reply is on its way
        wait,       // the client is paused
        refused,    // `error` says why
        answered,   // the reply is written
    };
    Route route(ClientCore& client, const Prepared& command, Args args, std::string& error);
    /// `mark`: where its reply begins. `lsn`: what the reply depends on; `own`: the part that it wrote.
    void ran(ClientCore& client, const Prepared& command, Args args, size_t mark, Lsn lsn, Lsn own);
    void forget(ClientCore& client);
    /// This node's copy of a key of the command is damaged, and stays as it is until the others have been
    /// asked: the client is paused, and the command is routed anew with what they have in its place. To be
    /// called when it hasn't run, while may_ask_others().
    void ask_others(ClientCore& client, const Prepared& command, Args args);
    /// Not when that was done already.
    bool may_ask_others(const ClientCore& client, ShardId shard);
    /// The same for nobody's sake: a peer was told that the copy is damaged.
    void restore(const std::string& key);
    /// The connection watches nothing any more, here or elsewhere.
    void end_watch(ClientCore& client);

    /// Are there other replicas of the shard?
    bool has_others(ShardId shard) { return plan(shard).owners > (plan(shard).self_owns() ? 1u : 0u); }

    // ---- links
    void on_link_up(BusLink& link) override;
    void on_link_down(BusLink& link) override;
    void on_frame(BusLink& link, std::string_view payload) override;

    // ---- for ops and for shard_sync
    const Topology& topology() const { return *topology_; }
    ClusterCore& cluster() { return cluster_; }
    WorkerCore& worker() { return worker_; }
    const ShardPlan& plan(ShardId shard) { return *shared_plan(shard); }
    /// A hint: the shard's plan will be asked for soon.
    void prefetch_plan(ShardId shard) const {
        const char* const plan = reinterpret_cast<const char*>(plans_[shard].get());
        for (size_t at = 0; at < sizeof(ShardPlan); at += 64) __builtin_prefetch(plan + at);
    }
    /// For who keeps it beyond the turn.
    const std::shared_ptr<const ShardPlan>& shared_plan(ShardId shard);
    /// May this node decide on its own copy alone? It's the shard's preferred coordinator, and has taken the
    /// shard over so long ago that whatever a stand-in decided before has arrived.
    bool trusts_own_copy(ShardId shard);
    /// False when there's no link to that node, or no frame has room for the message.
    template <class Message>
    bool send(NodeId to, const Message& message) {
        std::string* frame = open_frame(to);
        return frame != nullptr && put(*frame, message);
    }
    bool send_exchange(NodeId to, const ExchangeMessage& message);
    /// Of the bus, as the link to that node speaks it; 0 without one.
    uint16_t link_version(NodeId to) const;
    /// Takes the op over and gives it its number. timeout_ms from now on_deadline() comes, if it lives.
    template <class Op>
    Op& add(std::unique_ptr<Op> op, int64_t timeout_ms) {
        Op& added = *op;
        added.deadline_ms = now_ms() + timeout_ms;
        ops_.add(std::move(op));
        return added;
    }
    void remove(uint64_t op);
    /// Lets the op do something, and removes it when that returns true.
    void step(uint64_t op, const std::function<bool(BusOp&)>& what);
    bool has(uint64_t op) const { return ops_.find(op) != nullptr; }
    /// How often a loop of this node stood still: an op that began before is old.
    uint64_t pauses() const;
    /// Runs a command of the node's own, at the end of the turn.
    template <class Words>
    void run_here(const CommandSpec* spec, const Words& words, const BusExecutor::Settings& settings,
                  BusExecutor::Sink sink) {
        PackedCommands commands;
        commands.add(words);
        defer({spec, std::move(commands), false, settings, std::move(sink), 0});
    }
    void run_here(const CommandSpec* spec, std::initializer_list<std::string_view> words,
                  const BusExecutor::Settings& settings, BusExecutor::Sink sink) {
        run_here<std::initializer_list<std::string_view>>(spec, words, settings, std::move(sink));
    }
    /// Monotonic, and read once for a turn, a frame or a tick: an operation asks several times.
    int64_t now_ns() const;
    int64_t now_ms() const;
    int64_t request_timeout_ms() const;
    /// Any thread may read.
    RequestTimes& times() { return times_; }
    Hedging& hedging() { return hedging_; }
    /// The link by which the answer came that an op is being given.
    uint64_t answering_link() const { return answering_link_; }
    /// Asks those who have acknowledged a write of these, each once, to say when it's on their disks.
    void ask_synced(const WriteAcks& writes);
    /// Sends a command to the node that coordinates `shard` (perhaps this one), or to `node` if that's given.
    struct Errand {
        PackedCommands commands;
        bool transaction = false;
        bool watches = false;               // see ForwardMessage
        std::shared_ptr<WriteAcks> writes;  // where a write that runs here is counted
        bool write = false;
        bool resendable = false;
        bool relayed = false;  // see ForwardMessage
        ShardId shard = 0;
        NodeId node = 0;  // only there
        uint64_t session = 0;
        std::shared_ptr<ReplyQueue> origin;  // of the connection it came by; null: none's
        uint64_t order = 0;                  // among that connection's; 0: any, as parts of one command
        bool resp3 = false, readonly = false;
        uint8_t read_level = ForwardMessage::kDefaultLevel, write_level = ForwardMessage::kDefaultLevel;
        int64_t deadline_ms = 0;  // monotonic
        int attempts = 0;
        /// An earlier attempt of a write was sent and never answered: whatever becomes of the next ones,
        /// nobody may say that it was not applied.
        bool maybe_applied = false;
        BusExecutor::Sink done;
    };
    void send_errand(Errand errand);

  private:
    struct Link;
    /// False, and nothing done, when the frame has no room.
    template <class Message, class... Extra>
    static bool put(std::string& frame, const Message& message, Extra... extra) {
        const size_t mark = frame.size();
        append_message(frame, message, extra...);
        if (frame.size() <= BusLink::kMaxFrame) return true;
        frame.resize(mark);
        frame.shrink_to_fit();
        return false;
    }
    std::string* open_frame(NodeId to);
    std::string* frame_of(Link& link);
    void seal(Link& link);
    template <class Ask>
    void for_each_op(Ask ask);
    void end_sessions(ClientCore& client);
    void refresh_topology();
    void on_message(Link& link, const BusFrameHead& head, const BusFrameReader::Message& message, bool& good);
    bool may_want_memory(std::string_view changes) const;
    void serve_merge(Link& link, const BusFrameHead& head, const MergeMessage& message);
    BusExecutor::Sink offer_sink(uint64_t link, uint64_t op);
    void prefetch_messages();
    bool may_run_directly(ShardId shard, bool write);
    bool merge_directly(Link& link, ShardId shard, const MergeMessage& message);
    bool digest_directly(Link& link, ShardId shard, const ReadMessage& message);
    void answer_when_logged(HeldAnswer answer);
    void send_answer(const HeldAnswer& answer, bool good);
    void serve_read(Link& link, const ReadMessage& message);
    void serve_forward(Link& link, const ForwardMessage& message);
    void serve_reap(Link& link, const ReapMessage& message);
    void serve_sync(Link& link, const SyncMessage& message);
    void serve_exchange(Link& link, const ExchangeMessage& message);
    BusExecutor& executor_for(Link& link, ShardId shard);
    std::string* reply_frame(uint64_t link);

    Route route_keys(ClientCore& client, const Prepared& command, Args args, SlotId slot, bool write,
                     std::string& error);
    Route route_wait(ClientCore& client, Args args, std::string& error);
    Route route_watch(ClientCore& client, const Prepared& command, Args args, SlotId slot,
                      std::string& error);
    bool is_alone() const;
    bool took_long_ago(ShardId shard) const;
    static bool has_ceded(const ClientCore& client, const ShardPlan& at, int best);
    bool others_can_decide() const;
    void expire_seen();
    Route route_whole_cluster(ClientCore& client, const Prepared& command, Args args, std::string& error);
    Route route_exec(ClientCore& client, const Prepared& command, std::string& error);
    Route fan_out(ClientCore& client, const Prepared& command, Args args, std::string& error);
    Route forward(ClientCore& client, Errand errand);
    Route join_first(ClientCore& client, const Prepared& command, Args args, ShardId shard,
                     Consistency wanted, bool write);
    Route join(ClientCore& client, const Prepared& command, Args args, ShardId shard, const JoinTerms& terms,
               bool write);
    Route wait_for_replies(ClientCore& client);
    std::shared_ptr<Gather> gather(ClientCore& client, GatherKind kind);
    void send_part(ClientCore& client, const std::shared_ptr<Gather>& gather, size_t part, Errand errand);
    std::vector<std::string> queue_keys(const ClientCore& client);
    bool is_write(const ClientCore& client, const CommandSpec& spec) const;
    Consistency level(const ClientCore& client, bool write) const;
    bool sloppy(const ClientCore& client) const;
    static bool strict(const ClientCore& client);
    template <class Visit>
    void for_each_key(const ClientCore& client, const Prepared& command, Args args, Visit visit);
    /// Takes note of what its keys' policies say. False when a word is larger than they allow.
    bool apply_policies(ClientCore& client, const Prepared& command, Args args, bool write);
    void replicate(ClientCore& client, ShardId shard, size_t mark, Lsn lsn, Lsn own);
    void compare_digests(ClientCore& client, Args args, ShardId shard, Consistency wanted, size_t mark,
                         Lsn lsn);
    /// The command's reply, taken out of the output, waits for this ticket.
    ReplyTicket hold_reply(ClientCore& client, size_t mark, Lsn lsn, Lsn own);

    WorkerCore& worker_;
    ClusterCore& cluster_;
    CellStore cells_;
    std::shared_ptr<const Topology> topology_;
    std::vector<std::shared_ptr<const ShardPlan>> plans_;
    std::shared_ptr<const KeyPolicies> policies_;  // null: none
    uint64_t policies_version_ = 0;
    uint64_t timer_pauses_ = 0;
    mutable int64_t moment_ns_ = 0;  // now_ns(), once asked; 0: not yet

    boost::unordered_flat_map<BusLink*, std::unique_ptr<Link>> links_;
    boost::unordered_flat_map<NodeId, Link*> dialled_;
    boost::unordered_flat_map<uint64_t, Link*> links_by_number_;
    std::vector<NodeId> kept_;  // links asked for
    uint64_t next_link_ = 1;

    OpTable ops_;
    HeldAnswers held_;
    HeldAnswers held_syncs_;  // wait until what they depend on is synced, not only written
    uint64_t answering_link_ = 0;
    bool held_are_new_ = false;
    std::vector<BusFrameReader::Message> messages_;  // of the frame that is being served
    ForwardMessage forward_;                         // the one being served
    std::vector<KeyRef> ahead_;                      // of messages_
    std::vector<uint64_t> digests_;

    std::vector<uint64_t> open_links_;  // with something in their open frame

    struct Deferred {
        const CommandSpec* spec = nullptr;
        PackedCommands commands;  // one, or a transaction's
        bool transaction = false;
        BusExecutor::Settings settings;
        BusExecutor::Sink sink;
        uint64_t session = 0;                          // those of one run in order; 0: in any
        std::shared_ptr<ReplyQueue> origin = nullptr;  // of the connection it came by; null: none's
    };
    void defer(Deferred task);
    std::deque<Deferred> deferred_;
    RequestTimes times_;
    Hedging hedging_;
    std::vector<std::string> restoring_;  // keys
    struct OwnExecutor {
        std::unique_ptr<BusExecutor> runs;  // null: none yet
        uint64_t session = 0;               // of Deferred, as the next
        std::shared_ptr<ReplyQueue> origin = nullptr;
        bool idle() const { return runs != nullptr && runs->idle(); }
    };
    OwnExecutor& own_executor(uint64_t session);
    std::vector<OwnExecutor> own_executors_;
    bool wrote_ = false;
    bool acked_ = false;  // in this turn: somebody may WAIT for it
};

}  // namespace torc

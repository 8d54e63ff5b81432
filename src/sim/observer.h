// Looks inside the nodes while a run goes on, and says what is wrong although no client need ever notice:
//
//   names of writes   a dot stands for one value (or total, or expiry) wherever it shows up; an actor belongs
//                     to one start of one process; a copy continues a birth only of its own (CORRECTNESS 1)
//   acknowledgements  who tells a peer that a merge is done covers it, in its log as `appendfsync` has it.
//                     When a client is told that its write is done, so do as many machines as are a majority
//                     of the owners, by the ring of the node that decided (CORRECTNESS 13, 15)
//   deadlines         a forward that came too late isn't run (CORRECTNESS 3)
//   hand-over         a copy goes only when every owner has covered what was in it (CORRECTNESS 10)
//   settling          who calls its copy of a shard settled covers each write that had been acknowledged, and
//                     was held by a majority of the present owners, when it became unsettled (CORRECTNESS 2)
//   deciding          who isn't the one to decide alone has asked other owners for the key before it writes
//                     a value to it. Where nodes die and nothing else happens, a SET covers all that was
//                     acknowledged before it was sent, whoever coordinates it (CORRECTNESS 2)
//   refusals          a value whose write was refused is nowhere (CORRECTNESS 3)
//
// "Has covered" means: at some moment. What faults take away afterwards is not the nodes' doing.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/types.h"
#include "cluster/ring.h"
#include "engine/address.h"
#include "sim/copy_record.h"
#include "sim/history.h"
#include "sim/sim_cluster.h"
#include "sim/sim_watcher.h"

namespace torc {

class Coordinator;

class Observer final : public SimWatcher {
  public:
    /// `always_sync`: appendfsync. `only_deaths`: all that goes wrong is that processes die.
    Observer(SimCluster& cluster, bool always_sync, bool only_deaths);
    ~Observer() override;

    /// From now on this key is looked at.
    void watch(const std::string& key);
    /// A client is being told that this write of it is done: its reply leaves the node.
    void acknowledged(const HistoryOp& op);
    /// At the end.
    void judge(const History& history);
    const std::vector<std::string>& wrong() const { return wrong_; }

    // ---- SimWatcher
    void on_start(unsigned machine) override;
    void on_death(unsigned machine) override;
    void on_ran(unsigned machine) override;
    void on_sent(unsigned from, unsigned to, std::string_view frame) override;
    void on_received(unsigned from, unsigned to, std::string_view frame) override;

  private:
    struct Acknowledged {
        Dot dot;
        int64_t us = 0;
        uint32_t holders = 0;  // machines, a bit for each
    };
    struct Value {  // as it was seen first
        Dot dot;
        Context context;
        int64_t us = 0;
        int64_t unasked_us = INT64_MAX;  // see unasked_since()
    };
    struct Watched {  // a key
        std::string name;
        ShardId shard = 0;
        std::deque<CopyRecord> copies;                               // by machine
        std::map<std::pair<std::string, Dot>, std::string> written;  // what each dot stands for
        std::map<std::string, Value, std::less<>> values;            // each that was seen anywhere
        std::vector<Acknowledged> acknowledged;                      // while an owner knows of it
        uint32_t settled = 0;                                        // machines whose copy of the shard is
        std::map<unsigned, int64_t> asked;  // when a machine last asked others for it
    };
    struct Merge {  // that a machine was sent
        std::vector<std::pair<Watched*, std::vector<Dot>>> changes;
    };
    using OpId = std::tuple<unsigned, unsigned, uint64_t>;  // asker, asked, number
    struct Listed {
        ShardId shard = 0;
        Watched* key = nullptr;
    };
    struct Machine {
        ActorId actor = 0;
        Lsn looked = 0;  // the log's last LSN at the last look
        /// By the keys' places in all_: nothing is to be seen before the shard's LSN isn't this minus 1.
        std::vector<Lsn> seen_through;
        uint64_t topology = 0;               // the version that alive_us is of
        std::map<NodeId, int64_t> alive_us;  // since when it has called these alive
        uint64_t unsettles = 0;              // ClusterCore::unsettle_count()
        int64_t unsettled_us = 0;
        int64_t settling_us = 0;  // when it was last looked whether anything was settled
    };

    struct Actor {
        unsigned machine = 0;
        std::shared_ptr<const RingTable> last_ring;  // as it was when it died
    };

    void fail(const std::string& text);
    Machine& at(unsigned machine);
    bool can_look(unsigned machine) const;
    Coordinator& coordinator(unsigned machine);
    CopyRecord& copy(Watched& key, unsigned machine);
    /// What the copy is that is only on the machine's disk. False: it can't be read.
    bool read_cold(unsigned machine, const Watched& key, LogAddress address, std::string& cell);
    void look(unsigned machine, Watched& key);
    void note_cell(Watched& key, const Cell& cell, unsigned machine);
    void note(Watched& key, const char* what, const Dot& dot, std::string value, unsigned machine);
    void check_births(Watched& key, const CopyRecord& record, const Cell& cell, unsigned machine);
    void look_for_settled(unsigned machine);
    void check_settled(const Watched& key, unsigned machine);
    void look_for_alive(unsigned machine);
    int64_t unasked_since(const Watched& key, const Dot& dot, unsigned machine);
    void check_decision(const Watched& key, const Value& value, const HistoryOp& op);
    void forget_reaped(Watched& key, unsigned machine);
    void check_hand_over(Watched& key, unsigned machine);
    void acknowledges_merge(const OpId& op);
    bool holds(unsigned machine, Watched& key, const Dot& dot);
    std::shared_ptr<const RingTable> ring_of(ActorId decider) const;
    Watched* find(std::string_view key);
    int machine_of(NodeId id) const;

    SimCluster& cluster_;
    const bool always_sync_, only_deaths_;
    std::map<std::string, Watched, std::less<>> keys_;
    std::vector<Listed> all_;  // of keys_: going through them is most of what there's to do
    std::vector<Machine> machines_;
    std::map<ActorId, Actor> actors_;  // each that there was
    std::map<OpId, Merge> merges_;
    std::set<OpId> late_;  // forwards
    std::vector<std::string> wrong_;
};

}  // namespace torc

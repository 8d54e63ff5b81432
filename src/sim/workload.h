// Clients of the simulated cluster: each has a connection to some node, asks one thing at a time, and notes
// what it was told. Values are unique, so that who reads one knows who wrote it.
//
//   r:*  registers: SET, DEL, GET, MSET, MGET, TORC.GET + TORC.SET
//   x:*  registers that expire
//   c:*  counters: INCR, DECRBY ... and nothing else
//   o:*  each is written once, and never again
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "sim/history.h"
#include "sim/sim_cluster.h"
#include "sim/sim_reply.h"

namespace torc {

class Workload {
  public:
    struct Options {
        unsigned clients = 6;
        unsigned once_clients = 0;
        unsigned registers = 12, expiring = 4, counters = 6;
        int64_t think_us = 20'000;  // between two commands of a client, on average
        int64_t once_think_us = 100'000;
    };
    Workload(SimCluster& cluster, const Options& options, uint64_t seed);
    ~Workload();

    void start();
    /// Nothing new is begun.
    void stop() { stopped_ = true; }
    bool idle() const;

    const History& history() const { return history_; }
    std::vector<std::string> keys() const;

    /// One command, outside the history; the timeline runs on till there's a reply. Nothing: none came.
    static bool ask(SimCluster& cluster, unsigned machine, const std::vector<std::string>& words,
                    SimReply& reply);

    /// Called for each write that a client is being told is done, as the reply leaves the node.
    std::function<void(const HistoryOp&)> on_acknowledged;
    /// Called before a key that wasn't among keys() is written.
    std::function<void(const std::string& key)> on_new_key;

    /// Which calm it is now; 0: none.
    uint64_t calm = 0;

  private:
    struct Caller;
    void next(Caller& caller);
    void begin(Caller& caller);
    void send(Caller& caller, const std::vector<std::string>& words);
    void leaves_node(Caller& caller, std::string_view bytes);
    void on_bytes(Caller& caller, uint64_t connection, std::string bytes);
    void on_reply(Caller& caller, const SimReply& reply);
    void watch(Caller& caller, uint64_t command);
    void lost(Caller& caller);
    void hang_up(Caller& caller);
    HistoryOp& note(Caller& caller, HistoryOp::Kind kind, std::string key, std::string value);
    std::string fresh_value();
    bool pick_machine(Rng& rng, unsigned& machine);
    void write_once(Caller& caller);

    SimCluster& cluster_;
    const Options options_;
    Rng rng_, once_rng_;
    History history_;
    std::vector<std::unique_ptr<Caller>> callers_;
    uint64_t next_value_ = 1, next_once_ = 1;
    bool stopped_ = false;
};

}  // namespace torc

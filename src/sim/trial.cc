#include "sim/trial.h"

#include <fmt/format.h>

#include "node/node_core.h"
#include "sim/checkers.h"
#include "sim/nemesis.h"
#include "sim/observer.h"
#include "sim/sim_cluster.h"
#include "sim/workload.h"

namespace torc {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kFormUs = 60 * kSecondUs;
constexpr int64_t kHealUs = 120 * kSecondUs;
constexpr int64_t kLookUs = 100'000;
constexpr size_t kMostSiblings = 40;

/// What came later decides by random numbers of its own, so that old seeds can be played as they were.
class Extras {
  public:
    explicit Extras(const TrialOptions& options) : rng_(options.seed * 104729 + 7) {
        if (options.plain || rng_.one_in(4)) return;
        workload.once_clients = 1;
        more_faults = true;
        sloppy_quorum = !rng_.one_in(4);
        datacenters = rng_.one_in(5) ? 2 : 1;
        little_memory = options.seed % 7 == 0;
    }

    Workload::Options workload;
    bool more_faults = false;
    bool sloppy_quorum = true;
    unsigned datacenters = 1;
    /// What expires (x:*) may be evicted, no other key may; the rest moves to the disk.
    bool little_memory = false;

  private:
    Rng rng_;
};

/// Owners of one shard that don't hold the same.
std::string unequal_shards(SimCluster& cluster) {
    for (unsigned s = 0; s < kShards; ++s) {
        const auto shard = static_cast<ShardId>(s);
        bool first = true;
        uint64_t root = 0;
        for (unsigned i = 0; i < cluster.size(); ++i) {
            SimMachine& machine = cluster.machine(i);
            if (machine.process == nullptr || machine.gone) continue;
            ClusterCore& core = machine.process->cluster();
            if (!core.topology()->ring->owns(machine.id, shard)) continue;
            const uint64_t here = core.forest.root(shard);
            if (!first && here != root)
                return fmt::format("shard {} differs: machine {} has {:016x}, another {:016x}", s, i, here,
                                   root);
            root = here;
            first = false;
        }
    }
    return {};
}

class Trial {
  public:
    explicit Trial(const TrialOptions& options)
        : options_(options),
          rng_(options.seed * 7919),
          extras_(options),
          always_sync_(rng_.one_in(2)),
          only_deaths_(options.faults && rng_.one_in(4)),
          early_reaping_(rng_.one_in(3)),
          cluster_({options.seed, always_sync_, early_reaping_ ? 3 : 86400, options.verbose,
                    extras_.datacenters, extras_.sloppy_quorum, extras_.little_memory}),
          workload_(cluster_, extras_.workload, rng_.next()),
          nemesis_(cluster_, workload_,
                   {.always_sync = always_sync_,
                    .only_deaths = only_deaths_,
                    .old_copies = !early_reaping_,
                    .more = extras_.more_faults,
                    .datacenters = extras_.datacenters},
                   rng_.next()),
          observer_(cluster_, always_sync_, only_deaths_ && extras_.datacenters == 1) {
        for (const std::string& key : workload_.keys()) observer_.watch(key);
        workload_.on_acknowledged = [this](const HistoryOp& op) { observer_.acknowledged(op); };
        workload_.on_new_key = [this](const std::string& key) { observer_.watch(key); };
    }

    TrialReport run() {
        cluster_.say(fmt::format(
            "appendfsync {}, {}tombstones kept {}{}{}{}", always_sync_ ? "always" : "everysec",
            only_deaths_ ? "nothing but deaths, " : "", early_reaping_ ? "3 s" : "a day",
            extras_.datacenters == 1 ? "" : ", two datacenters",
            extras_.sloppy_quorum ? "" : ", strict quorums", extras_.little_memory ? ", little memory" : ""));
        if (form()) work();
        observer_.judge(workload_.history());
        report_.wrong.insert(report_.wrong.begin(), observer_.wrong().begin(), observer_.wrong().end());
        report_.log = cluster_.log;
        for (const HistoryOp& op : workload_.history()) {
            ++report_.commands;
            report_.acknowledged += op.outcome == HistoryOp::Outcome::acknowledged ? 1 : 0;
            report_.in_doubt += op.outcome == HistoryOp::Outcome::in_doubt ? 1 : 0;
            report_.refused += op.outcome == HistoryOp::Outcome::refused ? 1 : 0;
        }
        report_.events = cluster_.events.count();
        report_.frames = cluster_.net.frames();
        report_.simulated_us = cluster_.events.now_us();
        return std::move(report_);
    }

  private:
    bool wrong(std::string text) {
        report_.wrong.push_back(std::move(text));
        return false;
    }

    bool wait_for_quiet(int64_t most_us, const std::string& what) {
        std::string why;
        for (const int64_t end = cluster_.events.now_us() + most_us; cluster_.events.now_us() < end;) {
            cluster_.run_for(kLookUs);
            nemesis_.tend();
            if (cluster_.is_quiet(&why)) return true;
        }
        return wrong(fmt::format("{}: not quiet after {} s: {}", what, most_us / kSecondUs, why));
    }

    bool form() {
        const unsigned machines =
            3 + (options_.faults && !only_deaths_ ? static_cast<unsigned>(rng_.below(3)) : 0);
        for (unsigned i = 0; i < machines; ++i) {
            const unsigned at = cluster_.add_machine();
            if (i != 0)
                cluster_.machine(at).seeds = {SimNet::host_of(0) + ":" + std::to_string(SimNet::kBusPort)};
            if (auto started = cluster_.start(at); !started) return wrong(started.error().message);
        }
        if (!wait_for_quiet(kFormUs, "forming")) return false;
        cluster_.say("the cluster stands");
        return true;
    }

    void work() {
        workload_.start();
        for (int64_t end = cluster_.events.now_us() + options_.seconds * kSecondUs;
             cluster_.events.now_us() < end;) {
            cluster_.run_for(kLookUs);
            if (extras_.little_memory) press_memory();
            if (options_.faults) nemesis_.step();
            nemesis_.tend();
        }
        if (options_.faults) nemesis_.heal();
        cluster_.say("healed");
        cluster_.run_for(kSecondUs / 2);
        workload_.stop();
        for (int i = 0; i < 100 && !workload_.idle(); ++i) cluster_.run_for(kLookUs);
        if (!workload_.idle()) wrong("a client still waits for its reply");
        if (!wait_for_quiet(kHealUs, "healing")) return;
        cluster_.say("quiet");
        std::string differs;
        for (int i = 0; i < 300; ++i) {
            cluster_.run_for(kLookUs);
            if ((differs = unequal_shards(cluster_)).empty()) break;
        }
        if (!differs.empty()) wrong("replicas are not equal after healing: " + differs);
        judge();
    }

    /// A quarter of what each machine has in memory beside its index has to go.
    void press_memory() {
        for (unsigned i = 0; i < cluster_.size(); ++i) {
            if (!cluster_.machine(i).serves()) continue;
            Node& node = cluster_.machine(i).process->node();
            if (node.loading()) continue;
            const Store& store = *node.core().store;
            const uint64_t used = store.used_bytes();
            const uint64_t most = used - std::min(used, store.stats().record_bytes / 4);
            (void)node.config().set({{"maxmemory", std::to_string(std::max<uint64_t>(most, 1))}});
        }
    }

    void judge() {
        FinalValues values;
        for (const std::string& key : workload_.keys()) {
            for (unsigned i = 0; i < cluster_.size(); ++i) {
                if (cluster_.machine(i).process == nullptr || cluster_.machine(i).gone) continue;
                SimReply reply;
                if (!Workload::ask(cluster_, i, {"TORC.GET", key}, reply) || reply.type != '*') {
                    wrong(fmt::format("TORC.GET {} at machine {} after healing: {}", key, i, reply.text));
                    continue;
                }
                std::vector<std::string>& found = values[key];
                for (size_t n = 1; n < reply.items.size(); ++n) found.push_back(reply.items[n].text);
                break;
            }
        }
        for (std::string& text : check_history(workload_.history(), values, kMostSiblings))
            wrong(std::move(text));
        for (const auto& [key, found] : values) {
            std::string line;
            for (const std::string& value : found) line += " " + value;
            cluster_.say(key + ":" + line);
        }
        if (options_.verbose)
            for (const HistoryOp& op : workload_.history()) fmt::print("  {}\n", describe(op));
    }

    const TrialOptions options_;
    Rng rng_;
    const Extras extras_;
    const bool always_sync_, only_deaths_, early_reaping_;
    SimCluster cluster_;
    Workload workload_;
    Nemesis nemesis_;
    Observer observer_;
    TrialReport report_;
};

}  // namespace

TrialReport run_trial(const TrialOptions& options) {
    return Trial(options).run();
}

}  // namespace torc

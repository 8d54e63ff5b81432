#include "sim/sim_cluster.h"

#include <fmt/format.h>

#include "node/control_plane.h"
#include "node/node_core.h"

namespace torc {
namespace {

constexpr int64_t kPauseLimitUs = 500'000;  // server/pause_watch.h

}  // namespace

SimCluster::SimCluster(const Options& options)
    : net(events, options.seed * 3 + 1), rng(options.seed * 3 + 2), options_(options) {}

SimCluster::~SimCluster() {
    for (const auto& machine : machines_) {
        if (machine->process == nullptr) continue;
        machine->disk->crash();
        machine->process = nullptr;
    }
}

unsigned SimCluster::add_machine() {
    auto machine = std::make_unique<SimMachine>();
    machine->index = static_cast<unsigned>(machines_.size());
    machine->datacenter = machine->index % options_.datacenters;
    machine->disk = std::make_unique<SimDisk>(rng.next());
    // Up to 100 ppm, as quartz does, and clocks that were never quite right.
    machine->rate = 1.0 + (static_cast<double>(rng.below(201)) - 100.0) * 1e-6;
    machine->clock.jump_wall_us(static_cast<int64_t>(rng.below(100'000)) - 50'000);
    machine->synced_us = 0;
    machines_.push_back(std::move(machine));
    return machines_.back()->index;
}

void SimCluster::sync_clock(SimMachine& machine) {
    const int64_t passed = events.now_us() - machine.synced_us;
    machine.synced_us = events.now_us();
    machine.rest_us += static_cast<double>(passed) * machine.rate;
    const auto whole = static_cast<int64_t>(machine.rest_us);
    machine.rest_us -= static_cast<double>(whole);
    if (whole > 0) machine.clock.advance_us(whole);
}

void SimCluster::run_on(SimMachine& machine, std::function<void()> what) {
    if (machine.frozen) {
        machine.postponed.push_back(std::move(what));
        return;
    }
    sync_clock(machine);
    what();
    if (net.watcher != nullptr) net.watcher->on_ran(machine.index);
}

Result<void> SimCluster::start(unsigned index) {
    SimMachine& machine = *machines_[index];
    sync_clock(machine);
    std::vector<std::string> directives = {"--dir",
                                           machine.data,
                                           "--io-threads",
                                           "1",
                                           "--port",
                                           "7000",
                                           "--cluster-enabled",
                                           "yes",
                                           "--cluster-port",
                                           std::to_string(SimNet::kBusPort),
                                           "--cluster-announce-ip",
                                           SimNet::host_of(index),
                                           "--scrub-rate",
                                           "0",
                                           "--anti-entropy-interval",
                                           std::to_string(options_.anti_entropy_seconds),
                                           "--segment-size",
                                           "1048576",
                                           "--log-buffer-size",
                                           "1048576",
                                           "--appendfsync",
                                           options_.always_sync ? "always" : "everysec",
                                           "--tombstone-horizon",
                                           std::to_string(options_.horizon_seconds),
                                           "--datacenter",
                                           fmt::format("dc{}", machine.datacenter),
                                           "--sloppy-quorum",
                                           options_.sloppy_quorum ? "yes" : "no"};
    if (!machine.seeds.empty()) {
        std::string seeds;
        for (const std::string& seed : machine.seeds) seeds += (seeds.empty() ? "" : ",") + seed;
        directives.insert(directives.end(), {"--cluster-seeds", seeds});
    }
    if (!machine.replaces.empty())
        directives.insert(directives.end(), {"--cluster-replace", machine.replaces});
    if (options_.evicts) directives.insert(directives.end(), {"--maxmemory-policy", "volatile-lru"});
    SimProcess::Setting setting{
        .net = net,
        .disk = *machine.disk,
        .clock = machine.clock,
        .machine = index,
        .random_seed = rng.next(),
        .directives = std::move(directives),
        .runner = [this, &machine](std::function<void()> what) { run_on(machine, std::move(what)); },
        .disk_delay_us = [&machine] { return machine.disk_delay_us; },
        .load_after_us = static_cast<int64_t>(rng.below(20'000))};
    machine.process = std::make_unique<SimProcess>(std::move(setting));
    if (auto started = machine.process->start(); !started) {
        say(fmt::format("machine {} doesn't start: {}", index, started.error().message));
        machine.disk->crash();
        machine.process = nullptr;
        return started;
    }
    machine.id = machine.process->identity().id;
    say(fmt::format("machine {} starts: node {:.8} actor {:016x}", index, node_name(machine.id),
                    machine.process->cluster().actor));
    if (net.watcher != nullptr) net.watcher->on_start(index);
    return {};
}

void SimCluster::crash(unsigned index) {
    SimMachine& machine = *machines_[index];
    machine.postponed.clear();
    machine.frozen = false;
    if (machine.process == nullptr) return;
    say(fmt::format("machine {}: the process dies", index));
    if (net.watcher != nullptr) net.watcher->on_death(index);
    machine.disk->crash();
    machine.process = nullptr;
}

void SimCluster::power_loss(unsigned index) {
    SimMachine& machine = *machines_[index];
    machine.postponed.clear();
    machine.frozen = false;
    if (machine.process == nullptr) return;
    say(fmt::format("machine {} loses its power", index));
    if (net.watcher != nullptr) net.watcher->on_death(index);
    machine.disk->power_loss(rng.next());
    machine.process->set_silent_death();
    machine.process = nullptr;
}

void SimCluster::freeze(unsigned index) {
    SimMachine& machine = *machines_[index];
    if (machine.frozen || machine.process == nullptr) return;
    say(fmt::format("machine {} stands still", index));
    machine.frozen = true;
    machine.frozen_since_us = events.now_us();
}

void SimCluster::thaw(unsigned index) {
    SimMachine& machine = *machines_[index];
    if (!machine.frozen) return;
    say(fmt::format("machine {} goes on after {} ms", index,
                    (events.now_us() - machine.frozen_since_us) / 1000));
    machine.frozen = false;
    sync_clock(machine);
    if (events.now_us() - machine.frozen_since_us > kPauseLimitUs) machine.process->stood_still();
    const auto postponed = std::exchange(machine.postponed, {});
    for (const auto& what : postponed) run_on(machine, what);
}

void SimCluster::jump_clock(unsigned index, int64_t us) {
    say(fmt::format("machine {}: its clock jumps by {} ms", index, us / 1000));
    machines_[index]->clock.jump_wall_us(us);
}

bool SimCluster::is_quiet(std::string* why) {
    const auto no = [&](std::string text) {
        if (why != nullptr) *why = std::move(text);
        return false;
    };
    std::shared_ptr<const RingTable> ring;
    for (const auto& machine : machines_) {
        if (machine->process == nullptr || machine->gone) continue;
        if (machine->frozen) return no(fmt::format("machine {} is frozen", machine->index));
        if (machine->process->node().loading()) return no(fmt::format("machine {} loads", machine->index));
        const auto topology = machine->process->cluster().topology();
        if (ring == nullptr) ring = topology->ring;
        const RingState& state = topology->ring->state();
        if (state.cluster_id == 0 || state.cluster_id != ring->state().cluster_id ||
            state.epoch != ring->epoch())
            return no(fmt::format("machine {} has epoch {}, another has {}", machine->index, state.epoch,
                                  ring->epoch()));
        if (state.move) return no("the ring moves");
        if (state.member(machine->id) == nullptr)
            return no(fmt::format("machine {} is not in the ring", machine->index));
        for (const auto& other : machines_) {
            if (other == machine || other->process == nullptr || other->gone) continue;
            const Peer* peer = topology->peer(other->id);
            if (peer == nullptr || peer->liveness != Liveness::alive)
                return no(fmt::format("machine {} takes {} for dead", machine->index, other->index));
        }
        unsigned unsettled = 0, foreign = 0;
        ShardId one_foreign = 0;
        for (unsigned s = 0; s < kShards; ++s) {
            const auto shard = static_cast<ShardId>(s);
            if (topology->ring->owns(machine->id, shard))
                unsettled += machine->process->cluster().taken(shard) ? 0 : 1;
            else if (machine->process->cluster().cells[s].bytes.load() > 0)
                ++foreign, one_foreign = shard;
        }
        if (unsettled != 0)
            return no(fmt::format("machine {} has {} unsettled shards", machine->index, unsettled));
        if (foreign != 0) {
            const ShardCells& cells = machine->process->cluster().cells[one_foreign];
            return no(
                fmt::format("machine {} keeps data of {} shards that aren't its own, such as {}: {} keys, {} "
                            "tombstones, {} bytes",
                            machine->index, foreign, one_foreign, cells.keys.load(), cells.tombstones.load(),
                            cells.bytes.load()));
        }
    }
    return true;
}

void SimCluster::say(const std::string& text) {
    const std::string line = fmt::format("[{:9.3f}] {}", static_cast<double>(events.now_us()) / 1e6, text);
    if (options_.verbose) fmt::print("{}\n", line);
    log.push_back(line);
}

}  // namespace torc

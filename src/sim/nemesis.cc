#include "sim/nemesis.h"

#include <fmt/format.h>

#include <algorithm>

#include "node/control_plane.h"
#include "node/node_core.h"

namespace torc {
namespace {

constexpr int64_t kMs = 1000, kSecond = 1'000'000;
constexpr int64_t kDiskDelayUs = 100;
constexpr size_t kMostMachines = 7;

std::string seed_of(unsigned machine) {
    return SimNet::host_of(machine) + ":" + std::to_string(SimNet::kBusPort);
}

}  // namespace

Nemesis::Nemesis(SimCluster& cluster, Workload& workload, const Options& options, uint64_t seed)
    : cluster_(cluster), workload_(workload), options_(options), rng_(seed) {}

void Nemesis::step() {
    if (options_.more) step_more();
    const int64_t now = cluster_.events.now_us();
    if (next_us_ == 0) next_us_ = now + between_us(500 * kMs, 2 * kSecond);
    if (now < next_us_) return;
    next_us_ = now + between_us(200 * kMs, 3 * kSecond);
    // Now and then some rest, so that what needs a quiet moment happens too.
    if (rng_.one_in(8)) next_us_ += 4 * kSecond;
    if (options_.only_deaths) return only_death();
    begin_fault();
}

void Nemesis::tend() {
    const int64_t now = cluster_.events.now_us();
    for (size_t i = 0; i < faults_.size();) {
        if (faults_[i].until_us > now) {
            ++i;
            continue;
        }
        const auto end = std::move(faults_[i].end);
        faults_.erase(faults_.begin() + static_cast<long>(i));
        end();
    }
    finish_drains();
    quiet_ = faults_.empty() && cluster_.is_quiet();
    if (quiet_) data_at_risk_ = flipped_;
    if (options_.only_deaths && options_.datacenters == 1)
        workload_.calm = 1;
    else if (!quiet_ || options_.datacenters != 1)
        workload_.calm = 0;
    else if (workload_.calm == 0)
        workload_.calm = ++calms_;
}

void Nemesis::heal() {
    for (const Fault& fault : std::exchange(faults_, {})) fault.end();
    cluster_.net.heal();
    for (unsigned i = 0; i < cluster_.size(); ++i) {
        SimMachine& machine = cluster_.machine(i);
        if (machine.gone) continue;
        cluster_.thaw(i);
        machine.disk_delay_us = kDiskDelayUs;
        if (machine.process == nullptr) restart(i);
    }
}

void Nemesis::lasting(int64_t least_us, int64_t most_us, std::function<void()> end) {
    faults_.push_back({cluster_.events.now_us() + between_us(least_us, most_us), std::move(end)});
    if (!options_.only_deaths) workload_.calm = 0;
}

bool Nemesis::pick_running(unsigned& machine) {
    std::vector<unsigned> running;
    for (unsigned i = 0; i < cluster_.size(); ++i)
        if (cluster_.machine(i).serves() && !cluster_.machine(i).gone) running.push_back(i);
    if (running.empty()) return false;
    machine = running[rng_.below(running.size())];
    return true;
}

/// Machines of the ring, as one that is in it has it.
std::vector<unsigned> Nemesis::members() const {
    std::vector<unsigned> found;
    for (unsigned i = 0; i < cluster_.size(); ++i) {
        SimMachine& machine = cluster_.machine(i);
        if (machine.gone || machine.process == nullptr) continue;
        if (machine.process->cluster().topology()->ring->state().member(machine.id) != nullptr)
            found.push_back(i);
    }
    return found;
}

void Nemesis::restart(unsigned machine) {
    // Another fault's end may have done it.
    if (cluster_.machine(machine).process != nullptr || cluster_.machine(machine).gone) return;
    (void)cluster_.start(machine);
}

void Nemesis::begin_fault() {
    switch (rng_.below(26)) {
        case 0:
        case 1:
        case 2:
        case 3:
            return crash();
        case 4:
        case 5:
            return lose_power();
        case 6:
        case 7:
        case 8:
            return freeze();
        case 9:
        case 10:
        case 11:
        case 12:
        case 13:
            return partition();
        case 14:
            return slow_disk();
        case 15:
            return jump_clock();
        case 16:
            return lossy();
        case 17:
            return clog();
        case 18:
        case 19:
            return join();
        case 20:
        case 21:
            return drain();
        case 22:
        case 23:
            return replace();
        case 24:
            return copy_directory();
        case 25:
            return restore_directory();
        default:
            return;
    }
}

/// Restarts of one node after the other, with nothing else wrong: every write is held by a majority of its
/// replicas, and a coordinator that isn't settled asks one, so nobody may see an old state (CORRECTNESS 2).
void Nemesis::only_death() {
    unsigned at = 0;
    if (!faults_.empty() || !pick_running(at)) return;
    next_us_ = cluster_.events.now_us() + between_us(50 * kMs, kSecond);
    if (options_.always_sync && rng_.one_in(3))
        cluster_.power_loss(at);
    else
        cluster_.crash(at);
    lasting(50 * kMs, rng_.one_in(3) ? 6 * kSecond : kSecond, [this, at] { restart(at); });
}

void Nemesis::crash() {
    unsigned at = 0;
    if (!pick_running(at)) return;
    cluster_.crash(at);
    lasting(50 * kMs, rng_.one_in(4) ? 8 * kSecond : kSecond, [this, at] { restart(at); });
}

void Nemesis::lose_power() {
    unsigned at = 0;
    if (!options_.always_sync && (!quiet_ || data_at_risk_)) return;
    if (!pick_running(at)) return;
    data_at_risk_ |= !options_.always_sync;
    cluster_.power_loss(at);
    lasting(500 * kMs, 4 * kSecond, [this, at] { restart(at); });
}

void Nemesis::freeze() {
    unsigned at = 0;
    if (!pick_running(at)) return;
    cluster_.freeze(at);
    lasting(100 * kMs, rng_.one_in(3) ? 8 * kSecond : 2 * kSecond, [this, at] { cluster_.thaw(at); });
}

void Nemesis::partition() {
    const auto machines = static_cast<unsigned>(cluster_.size());
    Links cuts;
    std::string text;
    const auto split = [&](auto same_side, bool both_ways) {
        for (unsigned a = 0; a < machines; ++a)
            for (unsigned b = 0; b < machines; ++b) {
                if (a == b || same_side(a, b)) continue;
                cuts.emplace_back(a, b);
                if (both_ways) cuts.emplace_back(b, a);
            }
    };
    const auto one = static_cast<unsigned>(rng_.below(machines));
    const auto two = static_cast<unsigned>(rng_.below(machines));
    const uint64_t sides = rng_.next();
    switch (rng_.below(4)) {
        case 0:
            text = fmt::format("machine {} is cut off", one);
            split([&](unsigned a, unsigned b) { return a != one && b != one; }, true);
            break;
        case 1:
            text = fmt::format("two halves: {:b}", sides & ((1u << machines) - 1));
            split([&](unsigned a, unsigned b) { return (sides >> a & 1) == (sides >> b & 1); }, true);
            break;
        case 2:
            text = fmt::format("machine {} isn't heard", one);
            split([&](unsigned a, unsigned) { return a != one; }, false);
            break;
        default:
            text = fmt::format("machines {} and {} don't reach each other", one, two);
            split([&](unsigned a, unsigned b) { return !((a == one && b == two) || (a == two && b == one)); },
                  true);
            break;
    }
    cut_off(text, cuts, 200 * kMs, 6 * kSecond);
}

void Nemesis::cut_off(const std::string& text, const Links& cuts, int64_t least_us, int64_t most_us) {
    cluster_.say("partition: " + text);
    for (const auto& link : cuts) {
        ++cuts_[link];
        cluster_.net.cut(link.first, link.second, true);
    }
    lasting(least_us, most_us, [this, cuts] {
        cluster_.say("a partition heals");
        for (const auto& link : cuts)
            if (--cuts_[link] == 0 || !options_.more) cluster_.net.cut(link.first, link.second, false);
    });
}

int64_t Nemesis::one_more(Values& values, int64_t value) {
    values.insert(value);
    return options_.more ? *values.rbegin() : value;
}

int64_t Nemesis::one_less(Values& values, int64_t value) {
    values.erase(values.find(value));
    return options_.more && !values.empty() ? *values.rbegin() : 0;
}

void Nemesis::slow_disk() {
    unsigned at = 0;
    if (!pick_running(at)) return;
    cluster_.say(fmt::format("machine {} has a slow disk", at));
    const int64_t us = between_us(10 * kMs, 300 * kMs);
    cluster_.machine(at).disk_delay_us = one_more(slow_[at], us);
    lasting(kSecond, 4 * kSecond, [this, at, us] {
        cluster_.machine(at).disk_delay_us = std::max(kDiskDelayUs, one_less(slow_[at], us));
    });
}

void Nemesis::jump_clock() {
    unsigned at = 0;
    if (!pick_running(at)) return;
    static constexpr int64_t kJumps[] = {100 * kMs, 700 * kMs, 10 * kSecond, 3600 * kSecond};
    const int64_t by = kJumps[rng_.below(4)] * (rng_.one_in(2) ? 1 : -1);
    cluster_.jump_clock(at, by);
    lasting(kSecond, 6 * kSecond, [this, at, by] {
        if (!cluster_.machine(at).gone) cluster_.jump_clock(at, -by);
    });
}

void Nemesis::lossy() {
    const auto one_in = static_cast<unsigned>(3 + rng_.below(30));
    cluster_.say(fmt::format("one packet in {} is lost", one_in));
    cluster_.net.set_loss(static_cast<unsigned>(-one_more(losses_, -int64_t{one_in})));
    for (uint64_t n = rng_.below(6); n > 0; --n) cluster_.net.break_some_link();
    lasting(500 * kMs, 3 * kSecond, [this, one_in] {
        cluster_.net.set_loss(static_cast<unsigned>(-one_less(losses_, -int64_t{one_in})));
    });
}

void Nemesis::clog() {
    const auto from = static_cast<unsigned>(rng_.below(cluster_.size()));
    const auto to = static_cast<unsigned>(rng_.below(cluster_.size()));
    cluster_.say(fmt::format("a clog from {} to {}", from, to));
    const int64_t us = between_us(5 * kMs, 400 * kMs);
    Values& clogs = clogs_[{from, to}];
    cluster_.net.set_clog(from, to, one_more(clogs, us));
    lasting(500 * kMs, 3 * kSecond,
            [this, from, to, us, &clogs] { cluster_.net.set_clog(from, to, one_less(clogs, us)); });
}

bool Nemesis::is_leaving(unsigned at) const {
    return cluster_.machine(at).gone || std::ranges::find(draining_, at) != draining_.end();
}

void Nemesis::join() {
    if (cluster_.size() >= kMostMachines) return;
    unsigned seed = 0;
    if (!pick_running(seed)) return;
    const unsigned at = cluster_.add_machine();
    cluster_.say(fmt::format("machine {} joins", at));
    unsigned second = (seed + 1) % at;
    // Seeds that have all gone for good are an operator's mistake that no node can mend.
    if (is_leaving(seed) && is_leaving(second))
        for (const unsigned other : members())
            if (!is_leaving(other)) second = other;
    cluster_.machine(at).seeds = {seed_of(seed), seed_of(second)};
    restart(at);
    workload_.calm = 0;
}

void Nemesis::drain() {
    const std::vector<unsigned> ring = members();
    if (ring.size() < 4 || !draining_.empty() || !forgotten_.empty()) return;
    const unsigned at = ring[rng_.below(ring.size())];
    if (!cluster_.machine(at).serves()) return;
    cluster_.say(fmt::format("machine {} is drained", at));
    cluster_.machine(at).process->control().drain();
    draining_.push_back(at);
    workload_.calm = 0;
}

/// Ends what an operator began: a drained node is stopped, and nodes that aren't in the ring are forgotten.
void Nemesis::finish_drains() {
    std::erase_if(draining_, [&](unsigned at) {
        SimMachine& machine = cluster_.machine(at);
        if (machine.frozen) return false;
        if (machine.process == nullptr) return false;
        const auto topology = machine.process->cluster().topology();
        const RingState& ring = topology->ring->state();
        if (ring.cluster_id == 0) return false;
        // A restart has forgotten what was asked for.
        if (ring.member(machine.id) != nullptr) {
            if (!machine.process->control().status().draining) machine.process->control().drain();
            return false;
        }
        // What nobody takes, since it's older than the horizon and may have been deleted since, stays there.
        const ClusterCore& cluster = machine.process->cluster();
        int64_t left = -static_cast<int64_t>(cluster.counters.hints_kept.load());
        for (const ShardCells& cells : cluster.cells) left += cells.keys.load() + cells.tombstones.load();
        if (left > 0) return false;
        cluster_.say(fmt::format("machine {} is empty and stops", at));
        machine.gone = true;
        cluster_.crash(at);
        for (const unsigned other : members()) cluster_.machine(other).process->control().forget(machine.id);
        return true;
    });
    std::erase_if(forgotten_, [&](const auto& entry) {
        const std::vector<unsigned> ring = members();
        if (std::ranges::find(ring, entry.second) == ring.end()) return false;
        for (const unsigned other : ring) {
            const auto table = cluster_.machine(other).process->cluster().topology()->ring;
            if (table->state().member(entry.first) != nullptr || table->state().move) return false;
        }
        for (const unsigned other : ring) cluster_.machine(other).process->control().forget(entry.first);
        return true;
    });
}

void Nemesis::replace() {
    const std::vector<unsigned> ring = members();
    if (!quiet_ || data_at_risk_ || ring.size() < 3 || cluster_.size() >= kMostMachines ||
        !draining_.empty() || !forgotten_.empty())
        return;
    const unsigned old = ring[rng_.below(ring.size())];
    data_at_risk_ = true;
    cluster_.say(fmt::format("machine {} is lost for good", old));
    SimMachine& dead = cluster_.machine(old);
    cluster_.power_loss(old);
    dead.gone = true;
    const unsigned at = cluster_.add_machine();
    const unsigned seed = ring[0] == old ? ring[1] : ring[0];
    cluster_.say(fmt::format("machine {} replaces it", at));
    cluster_.machine(at).seeds = {seed_of(seed), seed_of(ring.back() == old ? seed : ring.back())};
    cluster_.machine(at).replaces = node_name(dead.id);
    cluster_.machine(at).datacenter = dead.datacenter;
    forgotten_.emplace_back(dead.id, at);
    lasting(100 * kMs, 3 * kSecond, [this, at] { restart(at); });
}

namespace {

Result<void> copy_files(Disk& disk, const std::string& from, const std::string& to) {
    if (auto made = disk.make_directory(to); !made) return made;
    auto names = disk.list(from);
    if (!names) return fail(names.error());
    for (const std::string& name : *names) {
        auto bytes = read_file(disk, from + "/" + name);
        if (!bytes) {
            if (auto inner = copy_files(disk, from + "/" + name, to + "/" + name); !inner) continue;
            continue;
        }
        if (auto written = replace_file(disk, to + "/" + name, *bytes); !written) return written;
    }
    return {};
}

}  // namespace

void Nemesis::copy_directory() {
    unsigned at = 0;
    if (copied_ >= 0 || !quiet_ || !pick_running(at)) return;
    // The process is stopped for it: a copy of files that change isn't one.
    cluster_.crash(at);
    SimMachine& machine = cluster_.machine(at);
    const auto copied = copy_files(*machine.disk, machine.data, fmt::format("/copy{}", ++copies_));
    cluster_.say(
        fmt::format("machine {}: its directory is copied: {}", at, copied ? "done" : copied.error().message));
    if (copied) copied_ = static_cast<int>(at);
    lasting(50 * kMs, 200 * kMs, [this, at] { restart(at); });
}

void Nemesis::restore_directory() {
    if (!options_.old_copies || copied_ < 0 || !quiet_ || data_at_risk_) return;
    const auto at = static_cast<unsigned>(copied_);
    SimMachine& machine = cluster_.machine(at);
    if (is_leaving(at)) return;
    cluster_.crash(at);
    data_at_risk_ = true;
    machine.data = fmt::format("/copy{}", copies_);
    copied_ = -1;
    cluster_.say(fmt::format("machine {}: the copy of its directory is restored", at));
    lasting(50 * kMs, kSecond, [this, at] { restart(at); });
}

}  // namespace torc

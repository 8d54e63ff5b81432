// Faults that came later: of disks, of many machines at once, and pauses at the very limits.
#include <fmt/format.h>

#include <algorithm>

#include "sim/nemesis.h"

namespace torc {
namespace {

constexpr int64_t kMs = 1000, kSecond = 1'000'000;
constexpr int64_t kPauseLimitUs = 500 * kMs;  // CORRECTNESS 3

}  // namespace

void Nemesis::step_more() {
    const int64_t now = cluster_.events.now_us();
    if (next_more_us_ == 0) next_more_us_ = now + between_us(kSecond, 3 * kSecond);
    if (options_.only_deaths || now < next_more_us_) return;
    next_more_us_ = now + between_us(500 * kMs, 5 * kSecond);
    switch (rng_.below(10)) {
        case 0:
        case 1:
            return lose_power_of_many();
        case 2:
        case 3:
            return short_pauses();
        case 4:
            return failing_disk();
        case 5:
            return unreadable_disk();
        case 6:
            return full_disk();
        case 7:
            return torn_write();
        case 8:
            return flip_bit();
        default:
            return options_.datacenters == 1 ? partition() : cut_between_datacenters();
    }
}

/// A majority at least, at the same moment: what was acknowledged is on their disks.
void Nemesis::lose_power_of_many() {
    if (!options_.always_sync) return;
    std::vector<unsigned> running;
    for (unsigned i = 0; i < cluster_.size(); ++i)
        if (cluster_.machine(i).process != nullptr && !cluster_.machine(i).gone) running.push_back(i);
    size_t spared = running.empty() ? 0 : rng_.below((running.size() + 1) / 2);
    for (; spared > 0; --spared)
        running.erase(running.begin() + static_cast<long>(rng_.below(running.size())));
    for (const unsigned at : running) {
        cluster_.power_loss(at);
        lasting(500 * kMs, 4 * kSecond, [this, at] { restart(at); });
    }
}

/// Around the limit that a loop may stand still unnoticed, one after the other.
void Nemesis::short_pauses() {
    unsigned at = 0;
    if (!pick_running(at)) return;
    int64_t from = 0;
    for (uint64_t n = 1 + rng_.below(3); n > 0; --n) {
        const int64_t until = from + between_us(kPauseLimitUs - 20 * kMs, kPauseLimitUs + 20 * kMs);
        cluster_.events.after(from, [this, at] { cluster_.freeze(at); });
        cluster_.events.after(until, [this, at] { cluster_.thaw(at); });
        from = until + between_us(kMs, 100 * kMs);
    }
    lasting(from, from + 100 * kMs, [this, at] { cluster_.thaw(at); });
}

void Nemesis::end_disk_fault(unsigned machine) {
    SimDisk& disk = *cluster_.machine(machine).disk;
    disk.clear_faults();
    disk.set_capacity(UINT64_MAX);
    disk_fails_ = false;
    // With such a disk it may have refused to start, or to load: a real process ends then.
    const auto& process = cluster_.machine(machine).process;
    if (process != nullptr && process->node().loading()) cluster_.crash(machine);
    restart(machine);
}

/// One bad disk at a time. `breaks` does it, and says how.
void Nemesis::disk_fault(int64_t least_us, int64_t most_us,
                         const std::function<std::string(SimDisk&)>& breaks) {
    unsigned at = 0;
    if (disk_fails_ || !pick_running(at)) return;
    cluster_.say(fmt::format("machine {}: {}", at, breaks(*cluster_.machine(at).disk)));
    disk_fails_ = true;
    lasting(least_us, most_us, [this, at] { end_disk_fault(at); });
}

/// Writes and syncs end with EIO, one of them or all for a while.
void Nemesis::failing_disk() {
    disk_fault(200 * kMs, 4 * kSecond, [this](SimDisk& disk) {
        const bool all = rng_.one_in(2);
        disk.fail_at(disk.operations() + 1 + rng_.below(30), ErrorKind::io, all);
        return all ? "EIO from all writes of its disk" : "one EIO of its disk";
    });
}

void Nemesis::unreadable_disk() {
    disk_fault(200 * kMs, 4 * kSecond, [this](SimDisk& disk) {
        const bool all = rng_.one_in(2);
        disk.fail_read_at(disk.read_operations() + 1, ErrorKind::io, all);
        return all ? "EIO from all reads of its disk" : "one EIO, reading of its disk";
    });
}

void Nemesis::full_disk() {
    disk_fault(500 * kMs, 6 * kSecond, [this](SimDisk& disk) {
        disk.set_capacity(disk.used_bytes() + rng_.below(8192));
        return "its disk is nearly full";
    });
}

/// The machine dies in the middle of a write.
void Nemesis::torn_write() {
    unsigned at = 0;
    if (disk_fails_ || !pick_running(at)) return;
    cluster_.say(fmt::format("machine {}: its disk stops in a write", at));
    SimDisk& disk = *cluster_.machine(at).disk;
    disk.stop_at(disk.operations() + 1 + rng_.below(20));
    disk_fails_ = true;
    const bool power = options_.always_sync && rng_.one_in(2);
    lasting(10 * kMs, 300 * kMs, [this, at, power] {
        disk_fails_ = false;
        if (power)
            cluster_.power_loss(at);
        else
            cluster_.crash(at);
        lasting(50 * kMs, 2 * kSecond, [this, at] { restart(at); });
    });
}

/// In a segment of the log, of a machine that then starts again: its other replicas have the record.
void Nemesis::flip_bit() {
    unsigned at = 0;
    if (!quiet_ || data_at_risk_ || disk_fails_ || !pick_running(at)) return;
    SimMachine& machine = cluster_.machine(at);
    const auto names = machine.disk->list(machine.data);
    if (!names) return;
    std::vector<std::string> segments;
    for (const std::string& name : *names)
        if (name.ends_with(".seg")) segments.push_back(name);
    if (segments.empty()) return;
    const std::string path = machine.data + "/" + segments[rng_.below(segments.size())];
    const auto bytes = read_file(*machine.disk, path);
    if (!bytes || bytes->empty()) return;
    const uint64_t offset = rng_.below(bytes->size());
    cluster_.crash(at);
    machine.disk->flip_bit(path, offset, static_cast<unsigned>(rng_.below(8)));
    cluster_.say(fmt::format("machine {}: a bit flips at {} of {}", at, offset, path));
    flipped_ = data_at_risk_ = true;
    lasting(50 * kMs, kSecond, [this, at] { restart(at); });
}

void Nemesis::cut_between_datacenters() {
    Links cuts;
    for (unsigned a = 0; a < cluster_.size(); ++a)
        for (unsigned b = 0; b < cluster_.size(); ++b)
            if (cluster_.machine(a).datacenter != cluster_.machine(b).datacenter) cuts.emplace_back(a, b);
    cut_off("the datacenters don't reach each other", cuts, 200 * kMs, 6 * kSecond);
}

}  // namespace torc

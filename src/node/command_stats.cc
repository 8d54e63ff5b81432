#include "node/command_stats.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace torc {

struct CommandStats::Sums {
    uint64_t calls = 0, nanoseconds = 0, rejected = 0, failed = 0;
    std::vector<uint64_t> latency;  // by bucket; empty when nothing was tracked
};

namespace {

void add(std::atomic<uint64_t>& number, uint64_t amount) {
    number.store(number.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

uint64_t get(const std::atomic<uint64_t>& number) {
    return number.load(std::memory_order_relaxed);
}

// Counters are read one by one while their owners go on: a difference is never negative, but clamp what a
// torn picture of several counters could make of it.
uint64_t since(uint64_t now, uint64_t before) {
    return now > before ? now - before : 0;
}

}  // namespace

// ---- counting

CommandStats::Counter::Counter(const CommandStats& stats)
    : stats_(stats), rows_(std::make_unique<Row[]>(stats.names_.size())) {}

CommandStats::Counter::~Counter() {
    for (size_t i = 0; i < stats_.names_.size(); ++i) delete rows_[i].latency.load(std::memory_order_relaxed);
}

CommandStats::Counter::Row& CommandStats::Counter::row(const CommandSpec& spec) {
    return rows_[stats_.index_of(&spec)];
}

void CommandStats::Counter::called(const CommandSpec& spec, uint64_t ns, bool track, uint64_t times) {
    Row& counts = row(spec);
    add(counts.calls, times);
    add(counts.nanoseconds, ns * times);
    if (!track) return;
    LatencyHistogram* latency = counts.latency.load(std::memory_order_relaxed);
    if (latency == nullptr) {
        latency = new LatencyHistogram;
        counts.latency.store(latency, std::memory_order_release);
    }
    latency->count(ns, times);
}

void CommandStats::Counter::rejected(const CommandSpec& spec) {
    add(row(spec).rejected, 1);
}

void CommandStats::Counter::failed(const CommandSpec& spec) {
    add(row(spec).failed, 1);
}

// ---- the table of rows

CommandStats::CommandStats(std::span<const CommandSpec* const> commands, unsigned threads) {
    for (const CommandSpec* command : commands) {
        add_row(command, std::string(command->name));
        for (const CommandSpec& sub : command->subcommands)
            add_row(&sub, std::string(command->name) + '|' + std::string(sub.name));
    }
    build_slots();
    baseline_.resize(names_.size());
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back(new Counter(*this));
}

CommandStats::~CommandStats() {
    threads_.clear();  // they look at names_
}

void CommandStats::add_row(const CommandSpec* spec, std::string name) {
    specs_.push_back(spec);
    names_.push_back(std::move(name));
}

void CommandStats::build_slots() {
    const size_t capacity = std::bit_ceil(std::max<size_t>(names_.size() * 4, 16));
    slots_.resize(capacity);
    slot_shift_ = 64 - static_cast<unsigned>(std::countr_zero(capacity));
    for (uint32_t row = 0; row < specs_.size(); ++row) {
        size_t at = (reinterpret_cast<uintptr_t>(specs_[row]) * 0x9e3779b97f4a7c15ULL) >> slot_shift_;
        while (slots_[at].spec != nullptr) at = (at + 1) & (capacity - 1);
        slots_[at] = {specs_[row], row};
    }
}

size_t CommandStats::index_of(const CommandSpec* spec) const {
    size_t at = (reinterpret_cast<uintptr_t>(spec) * 0x9e3779b97f4a7c15ULL) >> slot_shift_;
    while (slots_[at].spec != spec) {
        TORC_CHECK(slots_[at].spec != nullptr);  // a row that isn't in the table
        at = (at + 1) & (slots_.size() - 1);
    }
    return slots_[at].row;
}

// ---- reading

CommandStats::Sums CommandStats::sum(size_t row) const {
    Sums sums;
    for (const auto& thread : threads_) {
        const Counter::Row& counts = thread->rows_[row];
        sums.calls += get(counts.calls);
        sums.nanoseconds += get(counts.nanoseconds);
        sums.rejected += get(counts.rejected);
        sums.failed += get(counts.failed);
        const LatencyHistogram* latency = counts.latency.load(std::memory_order_acquire);
        if (latency == nullptr) continue;
        sums.latency.resize(LatencyHistogram::kBuckets);
        for (size_t i = 0; i < LatencyHistogram::kBuckets; ++i) sums.latency[i] += latency->at(i);
    }
    return sums;
}

std::vector<CommandUse> CommandStats::used() const {
    std::lock_guard lock(baseline_mutex_);
    std::vector<CommandUse> all;
    for (size_t row = 0; row < names_.size(); ++row) {
        const Sums now = sum(row);
        const Sums& before = baseline_[row];
        CommandUse use{names_[row], since(now.calls, before.calls),
                       since(now.nanoseconds, before.nanoseconds), since(now.rejected, before.rejected),
                       since(now.failed, before.failed)};
        if (use.calls != 0 || use.rejected != 0 || use.failed != 0) all.push_back(std::move(use));
    }
    return all;
}

std::vector<CommandLatency> CommandStats::latencies(const std::vector<std::string>& names) const {
    std::lock_guard lock(baseline_mutex_);
    std::vector<CommandLatency> all;
    for (size_t row = 0; row < names_.size(); ++row) {
        if (!names.empty() && std::ranges::find(names, names_[row]) == names.end()) continue;
        const Sums now = sum(row);
        const std::vector<uint64_t>& before = baseline_[row].latency;
        CommandLatency latency;
        for (size_t i = 0; i < now.latency.size(); ++i) {
            const uint64_t count = since(now.latency[i], before.empty() ? 0 : before[i]);
            if (count == 0) continue;
            latency.calls += count;
            latency.buckets.push_back({LatencyHistogram::highest_in(i), count});
        }
        if (latency.buckets.empty()) continue;
        latency.name = names_[row];
        all.push_back(std::move(latency));
    }
    return all;
}

void CommandStats::reset() {
    std::lock_guard lock(baseline_mutex_);
    for (size_t row = 0; row < names_.size(); ++row) baseline_[row] = sum(row);
}

}  // namespace torc

// Calls, time, rejections, failures and latencies of each command, counted where they happen: every I/O
// thread owns one Counter and writes only that, with plain stores; readers sum over all threads. A reset
// remembers the sums and later readings subtract them, so that it never writes to another thread's counters.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "commands/command.h"
#include "commands/diagnostics.h"
#include "node/latency_histogram.h"

namespace torc {

class CommandStats final : public CommandStatsView {
  public:
    /// Counters of one thread. All calls on that thread.
    class Counter {
      public:
        Counter(const Counter&) = delete;
        Counter& operator=(const Counter&) = delete;
        ~Counter();

        /// `spec`: the row that ran (a subcommand's own). `times`: for a run of equal commands timed
        /// together, ns is the time of each. Latencies are kept while `track` (latency-tracking).
        void called(const CommandSpec& spec, uint64_t ns, bool track, uint64_t times = 1);
        void rejected(const CommandSpec& spec);
        void failed(const CommandSpec& spec);

      private:
        friend class CommandStats;
        using Number = std::atomic<uint64_t>;
        struct Row {
            Number calls{0}, nanoseconds{0}, rejected{0}, failed{0};
            std::atomic<LatencyHistogram*> latency{nullptr};  // made at the first tracked call
        };
        explicit Counter(const CommandStats& stats);
        Row& row(const CommandSpec& spec);

        const CommandStats& stats_;
        std::unique_ptr<Row[]> rows_;
    };

    /// `commands`: as CommandTable::all(); subcommands are found in them.
    CommandStats(std::span<const CommandSpec* const> commands, unsigned threads);
    ~CommandStats() override;

    Counter& thread(unsigned index) { return *threads_[index]; }

    std::vector<CommandUse> used() const override;
    std::vector<CommandLatency> latencies(const std::vector<std::string>& names) const override;
    void reset() override;

  private:
    struct Sums;
    void add_row(const CommandSpec* spec, std::string name);
    void build_slots();
    size_t index_of(const CommandSpec* spec) const;
    Sums sum(size_t row) const;

    struct Slot {
        const CommandSpec* spec = nullptr;
        uint32_t row = 0;
    };
    std::vector<std::string> names_;
    std::vector<const CommandSpec*> specs_;
    std::vector<Slot> slots_;  // open addressing by the row's address
    unsigned slot_shift_ = 0;
    std::vector<std::unique_ptr<Counter>> threads_;
    mutable std::mutex baseline_mutex_;
    std::vector<Sums> baseline_;  // what the last reset saw
};

}  // namespace torc

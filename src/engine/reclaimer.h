// Frees memory that other threads may still be reading without a lock (prefetching index buckets), once each
// of them has said that it holds no such pointer any more: quiescent-state based reclamation (Hart, McKenney,
// Brown 2006).
//
// A thread is online from its first quiescent() until offline(). Memory is unlinked first and retired then;
// it's freed after every thread that was online has called quiescent() or offline() since. Threads that never
// read without a lock take no part.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>

namespace torc {

class Reclaimer {
  public:
    static constexpr unsigned kThreads = 64;
    using Free = void (*)(void*);

    Reclaimer() = default;
    /// Frees everything: no thread reads any more.
    ~Reclaimer();
    Reclaimer(const Reclaimer&) = delete;
    Reclaimer& operator=(const Reclaimer&) = delete;

    /// Any thread.
    void retire(void* memory, Free free_it);

    /// Only thread number `thread` itself. Frees a bounded number of what became free.
    void quiescent(unsigned thread);
    void offline(unsigned thread);

    /// Frees what may be freed now, all of it. Any thread.
    void drain();
    /// Retired and not yet freed.
    size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

  private:
    struct Item {
        void* memory;
        Free free_it;
        uint64_t epoch;
    };
    struct alignas(64) Seen {
        std::atomic<uint64_t> epoch{0};  // 0: offline
    };
    static constexpr size_t kPerTurn = 64;

    void free_some(size_t limit);
    uint64_t oldest_seen() const;

    std::array<Seen, kThreads> seen_;
    std::atomic<uint64_t> epoch_{1};
    std::atomic<size_t> waiting_{0};
    std::mutex mutex_;
    std::deque<Item> items_;  // in the order of their epochs
};

}  // namespace torc

#include "engine/reclaimer.h"

#include <algorithm>
#include <vector>

#include "base/check.h"

namespace torc {

Reclaimer::~Reclaimer() {
    for (const Item& item : items_) item.free_it(item.memory);
}

void Reclaimer::retire(void* memory, Free free_it) {
    std::lock_guard guard(mutex_);
    // A read-modify-write: whoever comes online after it sees the new epoch and, before it, the unlinking.
    const uint64_t epoch = epoch_.fetch_add(1, std::memory_order_seq_cst);
    items_.push_back({memory, free_it, epoch});
    waiting_.store(items_.size(), std::memory_order_relaxed);
}

void Reclaimer::quiescent(unsigned thread) {
    TORC_CHECK(thread < kThreads);
    std::atomic<uint64_t>& seen = seen_[thread].epoch;
    const uint64_t now = epoch_.load(std::memory_order_acquire);
    if (seen.load(std::memory_order_relaxed) == 0) {
        // Coming online: the store must be visible before any pointer is read (a locked instruction is a full
        // barrier), or the pointer's new value is seen.
        seen.exchange(now, std::memory_order_seq_cst);
    } else {
        seen.store(now, std::memory_order_release);
    }
    if (waiting_.load(std::memory_order_relaxed) != 0) free_some(kPerTurn);
}

void Reclaimer::offline(unsigned thread) {
    TORC_CHECK(thread < kThreads);
    seen_[thread].epoch.store(0, std::memory_order_release);
    if (waiting_.load(std::memory_order_relaxed) != 0) free_some(kPerTurn);
}

void Reclaimer::drain() {
    free_some(SIZE_MAX);
}

uint64_t Reclaimer::oldest_seen() const {
    uint64_t oldest = UINT64_MAX;
    for (const Seen& seen : seen_) {
        const uint64_t epoch = seen.epoch.load(std::memory_order_seq_cst);
        if (epoch != 0) oldest = std::min(oldest, epoch);
    }
    return oldest;
}

void Reclaimer::free_some(size_t limit) {
    std::vector<Item> free;
    {
        std::unique_lock guard(mutex_, std::defer_lock);
        if (limit == SIZE_MAX) {
            guard.lock();
        } else if (!guard.try_lock()) {
            return;
        }
        const uint64_t oldest = oldest_seen();
        // An item retired in epoch e is free once every thread has seen an epoch above e.
        while (!items_.empty() && items_.front().epoch < oldest && free.size() < limit) {
            free.push_back(items_.front());
            items_.pop_front();
        }
        waiting_.store(items_.size(), std::memory_order_relaxed);
    }
    for (const Item& item : free) item.free_it(item.memory);
}

}  // namespace torc

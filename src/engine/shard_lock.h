// The lock of one shard. A thread never blocks on it (CORRECTNESS 6): try_lock() spins for a moment; who
// still fails parks a waiter, and the unlocker calls every waiter's resume(), which must only post "try
// again" to where the waiter lives: whoever comes first has the lock, the others park again. Background
// threads, which may wait, use lock(). Not recursive.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

namespace torc {

/// Something that could not get a lock. It's in at most one shard's queue at a time; the queue doesn't own
/// it, and a waiter that dies must cancel() first.
class ShardWaiter {
  public:
    virtual ~ShardWaiter() = default;
    /// Called once by the thread that unlocked, with no shard lock held but inside the queue's mutex: it only
    /// posts, and calls nothing of this lock.
    virtual void resume() = 0;

  private:
    friend class ShardLock;
    ShardWaiter* next_ = nullptr;
};

class ShardLock {
  public:
    bool try_lock() {
        for (int spin = 0; spin < kSpins; ++spin) {
            uint32_t free = state_.load(std::memory_order_relaxed) & ~kLocked;
            if (state_.compare_exchange_weak(free, free | kLocked, std::memory_order_acquire,
                                             std::memory_order_relaxed))
                return true;
            __builtin_ia32_pause();
        }
        return false;
    }

    void unlock() {
        const uint32_t before = state_.fetch_and(~kLocked, std::memory_order_release);
        if (__builtin_expect((before & kWaiters) != 0, 0)) wake_all();
    }

    /// Queues the waiter and returns true, or returns false when the lock came free meanwhile: then try
    /// again.
    bool park(ShardWaiter& waiter);
    /// Takes the waiter out of the queue; false when it wasn't in it (its resume() has returned).
    bool cancel(ShardWaiter& waiter);

    /// Waits as long as it takes. Only for threads that run no commands.
    void lock();

  private:
    static constexpr uint32_t kLocked = 1;
    static constexpr uint32_t kWaiters = 2;
    static constexpr int kSpins = 64;

    void wake_all();

    std::atomic<uint32_t> state_{0};
    std::mutex queue_mutex_;
    ShardWaiter* head_ = nullptr;
    ShardWaiter* tail_ = nullptr;
};

}  // namespace torc

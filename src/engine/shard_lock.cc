// The waiters bit is set and cleared under queue_mutex_ only; a waiter is queued only while the lock is held,
// in one step with setting the bit, so the holder's unlock() cannot miss it.
//
// An unlock wakes every waiter, not the first alone: a woken waiter may never come for this lock (its
// connection closed, or it now waits for a lower shard of the same command), and those behind it would be
// left with a free lock and nobody to unlock it.
#include "engine/shard_lock.h"

#include <thread>

namespace torc {

bool ShardLock::park(ShardWaiter& waiter) {
    std::lock_guard guard(queue_mutex_);
    uint32_t state = state_.load(std::memory_order_relaxed);
    do {
        if ((state & kLocked) == 0) return false;
    } while (!state_.compare_exchange_weak(state, state | kWaiters, std::memory_order_relaxed));
    waiter.next_ = nullptr;
    if (tail_ != nullptr)
        tail_->next_ = &waiter;
    else
        head_ = &waiter;
    tail_ = &waiter;
    return true;
}

bool ShardLock::cancel(ShardWaiter& waiter) {
    std::lock_guard guard(queue_mutex_);
    ShardWaiter* before = nullptr;
    for (ShardWaiter* at = head_; at != nullptr; before = at, at = at->next_) {
        if (at != &waiter) continue;
        (before != nullptr ? before->next_ : head_) = at->next_;
        if (tail_ == at) tail_ = before;
        if (head_ == nullptr) state_.fetch_and(~kWaiters, std::memory_order_relaxed);
        at->next_ = nullptr;
        return true;
    }
    return false;
}

void ShardLock::wake_all() {
    std::lock_guard guard(queue_mutex_);
    ShardWaiter* waiter = head_;
    head_ = tail_ = nullptr;
    state_.fetch_and(~kWaiters, std::memory_order_relaxed);
    while (waiter != nullptr) {
        ShardWaiter* const next = waiter->next_;
        waiter->next_ = nullptr;
        // Under the queue's mutex, so that cancel() returning false means: resume() is over.
        waiter->resume();
        waiter = next;
    }
}

void ShardLock::lock() {
    for (int round = 0; !try_lock(); ++round) {
        if (round >= 4) std::this_thread::yield();
    }
}

}  // namespace torc

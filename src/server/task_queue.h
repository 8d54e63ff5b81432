// Work that any thread hands to one loop: a stack of intrusive nodes that producers push to with one
// compare-and-swap and the loop takes whole. No allocation, no lock; the node belongs to its maker and may be
// pushed again once it has been taken.
#pragma once

#include <atomic>

namespace torc {

class LoopTask {
  public:
    virtual ~LoopTask() = default;
    /// On the loop's thread, inside a turn. May end the task's own life.
    virtual void run() = 0;
    /// Instead of run() when the loop has ended: gives back what the task owns.
    virtual void drop() {}

  private:
    friend class TaskQueue;
    friend class TaskList;
    LoopTask* next_ = nullptr;
};

/// What was taken, oldest first.
class TaskList {
  public:
    explicit TaskList(LoopTask* first) : first_(first) {}
    LoopTask* pop() {
        LoopTask* task = first_;
        if (task != nullptr) first_ = task->next_;
        return task;
    }

  private:
    LoopTask* first_;
};

class TaskQueue {
  public:
    /// Any thread. True when the inbox was empty: then the loop has to be told.
    bool push(LoopTask& task) {
        LoopTask* head = head_.load(std::memory_order_relaxed);
        do {
            task.next_ = head;
        } while (
            !head_.compare_exchange_weak(head, &task, std::memory_order_release, std::memory_order_relaxed));
        return head == nullptr;
    }

    /// The loop's thread.
    TaskList take() {
        if (head_.load(std::memory_order_relaxed) == nullptr) return TaskList(nullptr);
        LoopTask* newest = head_.exchange(nullptr, std::memory_order_acquire);
        LoopTask* oldest = nullptr;
        while (newest != nullptr) {
            LoopTask* next = newest->next_;
            newest->next_ = oldest;
            oldest = newest;
            newest = next;
        }
        return TaskList(oldest);
    }

  private:
    std::atomic<LoopTask*> head_{nullptr};
};

}  // namespace torc

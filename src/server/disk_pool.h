// Threads that may block on the disk, for cold reads and the like: WorkerHost::run_blocking() lands here, so
// that no I/O thread ever waits for a device.
//
// Bound: a connection waits for its own task, so there are never more tasks than connections.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace torc {

class DiskPool {
  public:
    explicit DiskPool(unsigned threads);
    /// Runs what is queued, then ends.
    ~DiskPool();
    DiskPool(const DiskPool&) = delete;
    DiskPool& operator=(const DiskPool&) = delete;

    /// Any thread. After stop() the task is dropped.
    void submit(std::function<void()> task);
    /// Runs what is queued and joins the threads.
    void stop();

  private:
    void work();

    std::mutex mutex_;
    std::condition_variable wanted_;
    std::deque<std::function<void()>> tasks_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace torc

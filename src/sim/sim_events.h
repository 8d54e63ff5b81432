// The simulation's one timeline: functions to be called at a moment of simulated time, in the order of their
// moments and, at one moment, in the order in which they were asked for. So one seed makes one history.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

namespace torc {

class SimEvents {
  public:
    using Task = std::function<void()>;

    int64_t now_us() const { return now_us_; }
    void at(int64_t us, Task task) { queue_.push({us < now_us_ ? now_us_ : us, next_++, std::move(task)}); }
    void after(int64_t us, Task task) { at(now_us_ + us, std::move(task)); }

    /// Runs what is due up to and with this moment, which is the present one afterwards.
    void run_until(int64_t us) {
        while (!queue_.empty() && queue_.top().us <= us) {
            // The order of the heap doesn't depend on the task that is taken out of its top.
            Task task = std::move(const_cast<Event&>(queue_.top()).task);
            now_us_ = queue_.top().us;
            queue_.pop();
            ++count_;
            task();
        }
        now_us_ = us;
    }
    uint64_t count() const { return count_; }

  private:
    struct Event {
        int64_t us;
        uint64_t number;
        Task task;
        bool operator<(const Event& other) const {
            return us != other.us ? us > other.us : number > other.number;
        }
    };
    std::priority_queue<Event> queue_;
    int64_t now_us_ = 0;
    uint64_t next_ = 0;
    uint64_t count_ = 0;
};

}  // namespace torc

// The simulation's one timeline: functions to be called at a moment of simulated time, in the order of their
// moments and, at one moment, in the order in which they were asked for. So one seed makes one history.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace torc {

class SimEvents {
  public:
    using Task = std::function<void()>;

    int64_t now_us() const { return now_us_; }
    void at(int64_t us, Task task) {
        uint32_t place = static_cast<uint32_t>(tasks_.size());
        if (free_.empty()) {
            tasks_.push_back(std::move(task));
        } else {
            place = free_.back();
            free_.pop_back();
            tasks_[place] = std::move(task);
        }
        heap_.push_back({us < now_us_ ? now_us_ : us, next_++, place});
        std::ranges::push_heap(heap_, later);
    }
    void after(int64_t us, Task task) { at(now_us_ + us, std::move(task)); }

    /// Runs what is due up to and with this moment, which is the present one afterwards.
    void run_until(int64_t us) {
        while (!heap_.empty() && heap_.front().us <= us) {
            std::ranges::pop_heap(heap_, later);
            const Event event = heap_.back();
            heap_.pop_back();
            const Task task = std::exchange(tasks_[event.place], nullptr);
            free_.push_back(event.place);
            now_us_ = event.us;
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
        uint32_t place;  // of its task: a heap of them would move each many times
    };
    static bool later(const Event& a, const Event& b) {
        return a.us != b.us ? a.us > b.us : a.number > b.number;
    }
    std::vector<Event> heap_;
    std::vector<Task> tasks_;
    std::vector<uint32_t> free_;  // places in tasks_
    int64_t now_us_ = 0;
    uint64_t next_ = 0;
    uint64_t count_ = 0;
};

}  // namespace torc

// The threads that do the node's slow work, each its own kind of step so that none waits behind another:
//
//   loader       Node::load() once, then warm_step() until every value that fits is in RAM
//   sync         Node::sync_step() once a second, and at once when a reply waits for a sync
//   maintenance  Node::maintenance_step() again and again, resting for as long as each step says
//
// sync and maintenance begin when loading has ended.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/result.h"

namespace torc {

class Node;

class Background {
  public:
    /// Before any worker runs: the node gets its way to ask for a sync. `loaded` is called on the loader's
    /// thread with what load() returned.
    Background(Node& node, std::function<void(const Result<void>&)> loaded);
    ~Background();
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;

    void start();
    /// Ends the threads after the step each is in. Node::load() can't be cut short: call this only when it
    /// has ended, or is about to.
    void stop();

  private:
    void load_and_warm();
    void sync_on_time();
    void maintain();
    bool stopping();
    /// Waits, at most until the end or until maintenance is wanted. False at the end.
    bool pause(std::chrono::microseconds time);

    Node& node_;
    std::function<void(const Result<void>&)> loaded_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;
    bool sync_wanted_ = false;
    bool maintenance_wanted_ = false;
    std::thread loader_, sync_, maintenance_;
};

}  // namespace torc

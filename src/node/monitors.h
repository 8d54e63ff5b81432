// MONITOR: the connections that are sent every command. Any thread; costs one relaxed load while nobody
// watches.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "commands/args.h"

namespace torc {

class Inbox;

class Monitors {
  public:
    bool any() const { return count_.load(std::memory_order_relaxed) != 0; }
    void add(std::shared_ptr<Inbox> inbox);
    void remove(const Inbox* inbox);
    /// `source`: address of the client, or "lua", "unix:path".
    void feed(int64_t now_us, unsigned db, std::string_view source, Args args);

  private:
    std::atomic<size_t> count_{0};
    std::mutex mutex_;
    std::vector<std::shared_ptr<Inbox>> inboxes_;
};

}  // namespace torc

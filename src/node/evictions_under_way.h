// Keys that this node is about to delete for want of memory (evictor.h): each once, and no more than a few at
// a time, so that what waits for other nodes stays bounded. Any thread.
#pragma once

#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace torc {

class EvictionsUnderWay {
  public:
    /// Of the node, until a quorum has acknowledged them; beyond, memory waits.
    static constexpr size_t kMost = 1024;

    /// `hash`: of the key (KeyRef::hash). False: this one is on its way, or too many are.
    bool may_begin(uint64_t hash) const {
        std::lock_guard guard(mutex_);
        return keys_.size() < kMost && !keys_.contains(hash);
    }
    /// `bytes`: of memory that will be free. Of two threads that begin one key the second changes nothing.
    void begin(uint64_t hash, uint64_t bytes) {
        std::lock_guard guard(mutex_);
        if (keys_.emplace(hash, bytes).second) promised_.fetch_add(bytes, std::memory_order_relaxed);
    }
    /// It was deleted here, or won't be: the memory is free, or isn't going to be.
    void ran(uint64_t hash) {
        std::lock_guard guard(mutex_);
        const auto at = keys_.find(hash);
        if (at != keys_.end()) keep_promise(at->second);
    }
    /// The others have acknowledged it, or it's given up.
    void end(uint64_t hash) {
        std::lock_guard guard(mutex_);
        const auto at = keys_.find(hash);
        if (at == keys_.end()) return;
        keep_promise(at->second);
        keys_.erase(at);
    }
    size_t count() const {
        std::lock_guard guard(mutex_);
        return keys_.size();
    }
    uint64_t promised_bytes() const { return promised_.load(std::memory_order_relaxed); }

  private:
    void keep_promise(uint64_t& bytes) {
        promised_.fetch_sub(bytes, std::memory_order_relaxed);
        bytes = 0;
    }

    mutable std::mutex mutex_;
    boost::unordered_flat_map<uint64_t, uint64_t> keys_;  // by hash: bytes still promised
    std::atomic<uint64_t> promised_{0};
};

}  // namespace torc

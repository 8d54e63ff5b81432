// How other threads reach a connection without owning it: a shared handle that goes deaf when the connection
// dies. It's also what stands in a shard lock's queue, and keeps itself alive while it does.
#pragma once

#include <memory>
#include <mutex>

#include "engine/shard_lock.h"
#include "node/client.h"

namespace torc {

class WakeHandle : public ShardWaiter, public std::enable_shared_from_this<WakeHandle> {
  public:
    explicit WakeHandle(ClientPort& port) : port_(&port) {}

    /// Any thread.
    void wake() {
        std::lock_guard guard(mutex_);
        if (port_ != nullptr) port_->wake();
    }
    /// The connection's thread, once, as it dies.
    void detach() {
        std::lock_guard guard(mutex_);
        port_ = nullptr;
    }

    /// Waits in the lock's queue. False when the lock came free meanwhile.
    bool park(ShardLock& lock) {
        parked_ = shared_from_this();
        if (lock.park(*this)) return true;
        parked_ = nullptr;
        return false;
    }
    /// Leaves the queue, if it's still there.
    void unpark(ShardLock& lock) {
        if (lock.cancel(*this)) parked_ = nullptr;
    }
    /// By the unlocker.
    void resume() override {
        const std::shared_ptr<WakeHandle> self = std::move(parked_);
        wake();
    }

  private:
    std::mutex mutex_;
    ClientPort* port_;
    std::shared_ptr<WakeHandle> parked_;
};

}  // namespace torc

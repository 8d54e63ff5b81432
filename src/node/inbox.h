// Bytes that other threads want a connection to send besides its replies (MONITOR lines, later pushes).
// Bounded by the connection's output limit once delivered; here by kMaxBytes, beyond which the connection is
// to be closed.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "node/wake_handle.h"

namespace torc {

class Inbox {
  public:
    static constexpr size_t kMaxBytes = 256ull << 20;

    explicit Inbox(std::shared_ptr<WakeHandle> handle) : handle_(std::move(handle)) {}

    /// Any thread.
    void post(std::string_view bytes) {
        {
            std::lock_guard guard(mutex_);
            overflowed_ |= bytes_.size() + bytes.size() > kMaxBytes;
            if (!overflowed_) bytes_.append(bytes);
        }
        handle_->wake();
    }
    /// The connection's thread.
    std::string take() {
        std::lock_guard guard(mutex_);
        return std::exchange(bytes_, {});
    }
    bool overflowed() const {
        std::lock_guard guard(mutex_);
        return overflowed_;
    }

  private:
    std::shared_ptr<WakeHandle> handle_;
    mutable std::mutex mutex_;
    std::string bytes_;
    bool overflowed_ = false;
};

}  // namespace torc

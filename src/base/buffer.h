// A growing byte buffer for replies and input: like std::string but growth never zero-fills, and bytes can be
// consumed from the front without moving the rest each time. Not thread-safe.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/check.h"

namespace torc {

class Buffer {
  public:
    Buffer() = default;
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    Buffer(Buffer&& other) noexcept { swap(other); }
    Buffer& operator=(Buffer&& other) noexcept {
        swap(other);
        return *this;
    }
    ~Buffer() { std::free(data_); }

    void swap(Buffer& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(begin_, other.begin_);
        std::swap(end_, other.end_);
        std::swap(capacity_, other.capacity_);
    }

    const char* data() const { return data_ + begin_; }
    char* data() { return data_ + begin_; }
    size_t size() const { return end_ - begin_; }
    bool empty() const { return begin_ == end_; }
    size_t capacity() const { return capacity_; }
    std::string_view view() const { return {data_ + begin_, end_ - begin_}; }

    /// Room for at least n more bytes, returned as a pointer to write at; call commit() for what was written.
    char* prepare(size_t n) {
        if (__builtin_expect(capacity_ - end_ < n, 0)) grow(n);
        return data_ + end_;
    }
    void commit(size_t n) { end_ += n; }
    size_t room() const { return capacity_ - end_; }

    void append(std::string_view bytes) {
        if (bytes.empty()) return;  // memcpy takes no null pointers, even for nothing
        std::memcpy(prepare(bytes.size()), bytes.data(), bytes.size());
        end_ += bytes.size();
    }
    void push_back(char c) {
        *prepare(1) = c;
        ++end_;
    }

    void consume(size_t n) {
        begin_ += n;
        if (begin_ == end_) begin_ = end_ = 0;
    }
    /// Drops everything behind the first n bytes.
    void truncate(size_t n) { end_ = begin_ + n; }
    void clear() { begin_ = end_ = 0; }
    /// Gives the memory back as well.
    void release() {
        std::free(data_);
        data_ = nullptr;
        begin_ = end_ = capacity_ = 0;
    }

  private:
    void grow(size_t n) {
        const size_t used = end_ - begin_;
        if (begin_ != 0 && capacity_ - used >= n && begin_ >= used) {
            std::memmove(data_, data_ + begin_, used);
        } else {
            size_t capacity = capacity_ < 128 ? 256 : capacity_ * 2;
            while (capacity - used < n) capacity *= 2;
            char* bigger = static_cast<char*>(std::malloc(capacity));
            TORC_CHECK(bigger != nullptr);
            if (used != 0) std::memcpy(bigger, data_ + begin_, used);
            std::free(data_);
            data_ = bigger;
            capacity_ = capacity;
        }
        begin_ = 0;
        end_ = used;
    }

    char* data_ = nullptr;
    size_t begin_ = 0;
    size_t end_ = 0;
    size_t capacity_ = 0;
};

}  // namespace torc

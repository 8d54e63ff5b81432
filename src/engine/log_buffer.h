// The bytes that are appended to the log and not yet written: a queue of pieces, each for a known place in a
// known segment. Small frames are copied into chunks of 1 MB, which are used again; large ones are moved in
// whole. While the disk keeps up, one chunk that stays in the cache does all the work.
//
// Not thread-safe: the log's lock is held for every call. But what peek() returned may be read without it
// until the matching consume(), since append() only writes behind it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace torc {

struct LogSegment;  // log_segment.h

class LogBuffer {
  public:
    static constexpr size_t kChunkBytes = 1 << 20;

    LogBuffer() = default;
    LogBuffer(const LogBuffer&) = delete;
    LogBuffer& operator=(const LogBuffer&) = delete;
    ~LogBuffer();

    /// Copies bytes that belong at `offset` of the segment.
    void append(const std::shared_ptr<LogSegment>& segment, uint64_t offset, std::string_view bytes);
    /// Takes them over instead.
    void append_moved(const std::shared_ptr<LogSegment>& segment, uint64_t offset, std::string&& bytes);
    /// A frame is complete: once all so far is written, the log is written up to this LSN.
    void end_frame(Lsn lsn);

    struct Peeked {
        std::shared_ptr<LogSegment> segment;
        uint64_t offset = 0;
        uint64_t bytes = 0;
        Lsn lsn = 0;  // of the last frame that ends in it; 0: none does
    };
    /// The oldest pieces, adjacent and of one segment. False when there's nothing.
    bool peek(std::vector<std::string_view>& pieces, Peeked& peeked) const;
    /// Those were written.
    void consume(const Peeked& peeked);
    bool empty() const {
        return chunks_.empty() || (chunks_.size() == 1 && chunks_.front().unwritten() == 0);
    }

  private:
    struct Chunk {
        std::shared_ptr<LogSegment> segment;
        uint64_t offset = 0;  // in the file, of the byte at `begin`
        char* data = nullptr;
        size_t begin = 0;  // what lies before is written
        size_t end = 0;
        Lsn lsn = 0;        // of the last frame that ends in it
        std::string moved;  // owns `data`, if not empty
        size_t unwritten() const { return end - begin; }
    };

    Chunk& open_chunk(const std::shared_ptr<LogSegment>& segment, uint64_t offset);
    char* take_memory();
    void give_memory(char* data);

    std::deque<Chunk> chunks_;
    std::vector<char*> spare_;
};

}  // namespace torc

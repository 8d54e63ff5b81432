#include "engine/log_buffer.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace torc {
namespace {

constexpr size_t kMaxPieces = 64;
constexpr size_t kMaxSpare = 4;

}  // namespace

LogBuffer::~LogBuffer() {
    for (Chunk& chunk : chunks_)
        if (chunk.moved.empty()) munmap(chunk.data, kChunkBytes);
    for (char* data : spare_) munmap(data, kChunkBytes);
}

// From the kernel rather than the allocator: a burst must not leave its mark on the heap.
char* LogBuffer::take_memory() {
    if (!spare_.empty()) {
        char* data = spare_.back();
        spare_.pop_back();
        return data;
    }
    void* data = mmap(nullptr, kChunkBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TORC_CHECK(data != MAP_FAILED);
    return static_cast<char*>(data);
}

void LogBuffer::give_memory(char* data) {
    if (spare_.size() < kMaxSpare)
        spare_.push_back(data);
    else
        munmap(data, kChunkBytes);
}

LogBuffer::Chunk& LogBuffer::open_chunk(const std::shared_ptr<LogSegment>& segment, uint64_t offset) {
    if (!chunks_.empty()) {
        Chunk& last = chunks_.back();
        if (last.moved.empty()) {
            if (last.unwritten() == 0) {  // reuse it, whatever it was for
                last.segment = segment;
                last.offset = offset;
                last.begin = last.end = 0;
                return last;
            }
            if (last.segment == segment && last.end < kChunkBytes) return last;
        }
    }
    Chunk chunk;
    chunk.segment = segment;
    chunk.offset = offset;
    chunk.data = take_memory();
    chunks_.push_back(std::move(chunk));
    return chunks_.back();
}

void LogBuffer::append(const std::shared_ptr<LogSegment>& segment, uint64_t offset, std::string_view bytes) {
    while (!bytes.empty()) {
        Chunk& chunk = open_chunk(segment, offset);
        const size_t n = std::min(bytes.size(), kChunkBytes - chunk.end);
        std::memcpy(chunk.data + chunk.end, bytes.data(), n);
        chunk.end += n;
        offset += n;
        bytes.remove_prefix(n);
    }
}

void LogBuffer::append_moved(const std::shared_ptr<LogSegment>& segment, uint64_t offset,
                             std::string&& bytes) {
    Chunk chunk;
    chunk.segment = segment;
    chunk.offset = offset;
    chunk.moved = std::move(bytes);
    chunk.end = chunk.moved.size();
    chunks_.push_back(std::move(chunk));
    chunks_.back().data = chunks_.back().moved.data();
}

void LogBuffer::end_frame(Lsn lsn) {
    chunks_.back().lsn = lsn;
}

bool LogBuffer::peek(std::vector<std::string_view>& pieces, Peeked& peeked) const {
    pieces.clear();
    peeked = {};
    for (const Chunk& chunk : chunks_) {
        if (chunk.unwritten() == 0) continue;
        if (pieces.empty()) {
            peeked.segment = chunk.segment;
            peeked.offset = chunk.offset;
        } else if (chunk.segment != peeked.segment || pieces.size() == kMaxPieces) {
            break;
        }
        pieces.emplace_back(chunk.data + chunk.begin, chunk.unwritten());
        peeked.bytes += chunk.unwritten();
        if (chunk.lsn != 0) peeked.lsn = chunk.lsn;
    }
    return !pieces.empty();
}

void LogBuffer::consume(const Peeked& peeked) {
    uint64_t left = peeked.bytes;
    for (;;) {
        Chunk& chunk = chunks_.front();
        const size_t n = std::min<uint64_t>(left, chunk.unwritten());
        chunk.begin += n;
        chunk.offset += n;
        left -= n;
        if (chunk.unwritten() != 0) return;  // appended to meanwhile
        chunk.lsn = 0;
        if (chunks_.size() == 1 && chunk.moved.empty()) return;  // kept for what comes next
        if (chunk.moved.empty()) give_memory(chunk.data);
        chunks_.pop_front();
        if (left == 0 && (chunks_.empty() || chunks_.front().unwritten() != 0)) return;
    }
}

}  // namespace torc

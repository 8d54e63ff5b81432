#include "engine/segment_table.h"

#include <algorithm>

#include "base/check.h"

namespace torc {
namespace {

constexpr uint64_t kBytesPerPlace = LogAddress::kUnit << LogAddress::kOffsetBits;

}  // namespace

SegmentTable::SegmentTable() = default;

SegmentTable::~SegmentTable() {
    for (auto& block : counters_) delete block.load(std::memory_order_relaxed);
}

void SegmentTable::set_next_id(uint64_t id) {
    const std::lock_guard guard(mutex_);
    next_id_ = std::max(next_id_, id);
}

uint64_t SegmentTable::next_id() const {
    const std::lock_guard guard(mutex_);
    return next_id_;
}

uint32_t SegmentTable::take_places(uint32_t count, uint64_t id) {
    TORC_CHECK(id_by_place_.size() + count <= kPlaces);
    uint32_t first = next_place_;
    for (uint32_t run = 0; run < count;) {
        if (first + count > kPlaces) {  // a run doesn't wrap
            first = 0;
            run = 0;
        }
        if (id_by_place_.contains(first + run)) {
            first += run + 1;
            run = 0;
        } else {
            ++run;
        }
    }
    for (uint32_t place = first; place < first + count; ++place) {
        id_by_place_.emplace(place, id);
        auto& block = counters_[place / kBlock];
        if (block.load(std::memory_order_relaxed) == nullptr)
            block.store(new Counters(), std::memory_order_release);
        (*block.load(std::memory_order_relaxed))[place % kBlock].store(0, std::memory_order_relaxed);
    }
    next_place_ = (first + count) % kPlaces;
    return first;
}

SegmentTicket SegmentTable::reserve(uint64_t max_bytes, format::SegmentOrigin origin) {
    const std::lock_guard guard(mutex_);
    SegmentTicket ticket;
    ticket.id = next_id_++;
    ticket.places =
        static_cast<uint32_t>(std::max<uint64_t>(1, (max_bytes + kBytesPerPlace - 1) / kBytesPerPlace));
    ticket.place = take_places(ticket.places, ticket.id);
    ticket.origin = origin;
    reserved_.emplace(ticket.id, ticket);
    return ticket;
}

SegmentTicket SegmentTable::reserve_for(uint64_t id, uint64_t max_bytes, format::SegmentOrigin origin) {
    const std::lock_guard guard(mutex_);
    SegmentTicket ticket;
    ticket.id = id;
    ticket.places =
        static_cast<uint32_t>(std::max<uint64_t>(1, (max_bytes + kBytesPerPlace - 1) / kBytesPerPlace));
    ticket.place = take_places(ticket.places, id);
    ticket.origin = origin;
    next_id_ = std::max(next_id_, id + 1);
    return ticket;
}

void SegmentTable::release(const SegmentTicket& ticket) {
    const std::lock_guard guard(mutex_);
    reserved_.erase(ticket.id);
    for (uint32_t i = 0; i < ticket.places; ++i) id_by_place_.erase(ticket.place + i);
}

void SegmentTable::insert(TableSegment segment) {
    const std::lock_guard guard(mutex_);
    reserved_.erase(segment.ticket.id);
    const uint64_t id = segment.ticket.id;
    by_id_.insert_or_assign(id, std::move(segment));
}

void SegmentTable::erase(uint64_t id) {
    SegmentTicket ticket;
    {
        const std::lock_guard guard(mutex_);
        const auto found = by_id_.find(id);
        if (found == by_id_.end()) return;
        ticket = found->second.ticket;
        by_id_.erase(found);
    }
    release(ticket);
}

bool SegmentTable::find(uint64_t id, TableSegment& into) const {
    const std::lock_guard guard(mutex_);
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) return false;
    into = found->second;
    return true;
}

bool SegmentTable::find_place(uint32_t place, TableSegment& into) const {
    const std::lock_guard guard(mutex_);
    const auto id = id_by_place_.find(place);
    if (id == id_by_place_.end()) return false;
    const auto found = by_id_.find(id->second);
    if (found == by_id_.end()) return false;
    into = found->second;
    return true;
}

std::vector<TableSegment> SegmentTable::all() const {
    const std::lock_guard guard(mutex_);
    std::vector<TableSegment> segments;
    segments.reserve(by_id_.size());
    for (const auto& [id, segment] : by_id_) segments.push_back(segment);
    return segments;
}

uint64_t SegmentTable::log_tail_id() const {
    const std::lock_guard guard(mutex_);
    uint64_t tail = next_id_;
    for (const auto& [id, ticket] : reserved_)
        if (ticket.origin == format::SegmentOrigin::log) tail = std::min(tail, id);
    for (const auto& [id, segment] : by_id_)
        if (!segment.sealed && segment.ticket.origin == format::SegmentOrigin::log) tail = std::min(tail, id);
    return tail;
}

uint64_t SegmentTable::live_bytes(const SegmentTicket& ticket) const {
    int64_t sum = 0;
    for (uint32_t place = ticket.place; place < ticket.place + ticket.places; ++place) {
        if (const Counters* block = counters_[place / kBlock].load(std::memory_order_acquire))
            sum += (*block)[place % kBlock].load(std::memory_order_relaxed);
    }
    return static_cast<uint64_t>(std::max<int64_t>(sum, 0));
}

}  // namespace torc

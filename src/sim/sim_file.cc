#include "sim/sim_file.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace torc {

void SimFile::mark(std::set<uint64_t>& set, uint64_t from, uint64_t to) const {
    for (uint64_t sector = from / kSector; sector * kSector < to; ++sector) set.insert(sector);
}

void SimFile::copy_sector(std::string& to, uint64_t sector) const {
    const uint64_t begin = sector * kSector;
    const uint64_t end = std::min({begin + kSector, visible_.size(), to.size()});
    if (begin < end) std::memcpy(to.data() + begin, visible_.data() + begin, end - begin);
}

void SimFile::write(uint64_t offset, std::string_view bytes) {
    if (bytes.empty()) return;
    const uint64_t end = offset + bytes.size();
    // A gap that a write beyond the end leaves is new bytes too.
    mark(dirty_, std::min<uint64_t>(offset, visible_.size()), end);
    if (visible_.size() < end) visible_.resize(end, '\0');
    std::memcpy(visible_.data() + offset, bytes.data(), bytes.size());
}

void SimFile::truncate(uint64_t size) {
    mark(dirty_, std::min<uint64_t>(size, visible_.size()), std::max<uint64_t>(size, visible_.size()));
    visible_.resize(size, '\0');
}

void SimFile::sync() {
    durable_.resize(visible_.size(), '\0');
    for (const uint64_t sector : dirty_) {
        copy_sector(durable_, sector);
        lost_.erase(sector);
    }
    dirty_.clear();
}

void SimFile::fail_sync(bool revert) {
    if (revert) {
        for (const uint64_t sector : dirty_) {
            const uint64_t begin = sector * kSector;
            const uint64_t end = std::min<uint64_t>(begin + kSector, visible_.size());
            for (uint64_t i = begin; i < end; ++i) visible_[i] = i < durable_.size() ? durable_[i] : '\0';
        }
    } else {
        lost_.insert(dirty_.begin(), dirty_.end());
    }
    dirty_.clear();
}

void SimFile::lose_power(Rng& rng) {
    const uint64_t mode = rng.below(4);
    const uint64_t low = std::min(visible_.size(), durable_.size());
    const uint64_t high = std::max(visible_.size(), durable_.size());
    uint64_t size = durable_.size();
    if (mode == 1) size = visible_.size();
    if (mode >= 2) size = low + rng.below(high - low + 1);

    std::set<uint64_t> unsynced = dirty_;
    unsynced.insert(lost_.begin(), lost_.end());
    const uint64_t prefix = rng.below(unsynced.size() + 1);
    std::string after = durable_;
    after.resize(size, '\0');
    uint64_t index = 0;
    for (const uint64_t sector : unsynced) {
        const bool kept = mode == 1 || (mode == 2 && index < prefix) || (mode == 3 && rng.one_in(2));
        if (kept) copy_sector(after, sector);
        ++index;
    }
    visible_ = after;
    durable_ = std::move(after);
    dirty_.clear();
    lost_.clear();
}

void SimFile::flip_bit(uint64_t offset, unsigned bit) {
    TORC_CHECK(offset < visible_.size());
    const auto mask = static_cast<char>(1U << bit);
    visible_[offset] = static_cast<char>(visible_[offset] ^ mask);
    if (offset < durable_.size()) durable_[offset] = static_cast<char>(durable_[offset] ^ mask);
}

}  // namespace torc

// What one simulated file holds: the bytes a reader sees (the page cache) and the bytes that the medium would
// still have after a loss of power. They differ in whole sectors, which is the unit that a real device writes
// atomically.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "base/rng.h"

namespace torc {

class SimFile {
  public:
    static constexpr uint64_t kSector = 512;

    const std::string& visible() const { return visible_; }
    const std::string& durable() const { return durable_; }

    void write(uint64_t offset, std::string_view bytes);
    void truncate(uint64_t size);
    void sync();
    /// A failed fsync as kernels do it (ATC'20, "Can applications recover from fsync failures?"): the dirty
    /// pages are marked clean, so that later syncs succeed without writing them. `revert` chooses between the
    /// kernels that keep the new bytes readable and those that drop them.
    void fail_sync(bool revert);
    /// Keeps, of what wasn't synced: nothing, all, a prefix, or any sectors.
    void lose_power(Rng& rng);
    /// Rot: the medium and the cache change alike.
    void flip_bit(uint64_t offset, unsigned bit);

  private:
    void mark(std::set<uint64_t>& set, uint64_t from, uint64_t to) const;
    void copy_sector(std::string& to, uint64_t sector) const;

    std::string visible_;
    std::string durable_;
    std::set<uint64_t> dirty_;  // sectors to be written by the next sync
    std::set<uint64_t> lost_;   // sectors that a failed sync gave up
};

}  // namespace torc

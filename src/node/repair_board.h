// TORC.REPAIR from its beginning to its report: which shards each repair still waits for, and what the ended
// ones found. The workers compare (shard_sync.h) and report here; whoever asked looks here.
//
// Thread rule: any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "commands/cluster_view.h"

namespace torc {

class RepairBoard {
  public:
    static constexpr size_t kKept = 16;     // ended repairs whose reports are still there
    static constexpr size_t kMostOpen = 8;  // repairs at once

    /// A repair's number; nothing when too many are under way. Without shards it's over at once.
    std::optional<uint64_t> open(const std::vector<ShardId>& shards);
    void ended(uint64_t number, const ShardRoot& shard, uint64_t keys_sent, uint64_t keys_received);
    /// As ClusterView::repair_report().
    std::optional<RepairReport> report(uint64_t number) const;

  private:
    struct Repair {
        uint64_t number = 0;
        size_t missing = 0;
        RepairReport report;
    };
    const Repair* find(uint64_t number) const;

    mutable std::mutex mutex_;
    std::deque<Repair> repairs_;
    uint64_t next_number_ = 1;
};

}  // namespace torc

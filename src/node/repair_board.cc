#include "node/repair_board.h"

#include <algorithm>

namespace torc {

const RepairBoard::Repair* RepairBoard::find(uint64_t number) const {
    const auto at = std::ranges::find(repairs_, number, &Repair::number);
    return at == repairs_.end() ? nullptr : &*at;
}

std::optional<uint64_t> RepairBoard::open(const std::vector<ShardId>& shards) {
    std::lock_guard guard(mutex_);
    const auto is_open = [](const Repair& repair) { return repair.missing != 0; };
    if (static_cast<size_t>(std::ranges::count_if(repairs_, is_open)) >= kMostOpen) return std::nullopt;
    while (repairs_.size() >= kKept) {
        const auto oldest = std::ranges::find_if_not(repairs_, is_open);
        if (oldest == repairs_.end()) break;
        repairs_.erase(oldest);
    }
    Repair& repair = repairs_.emplace_back();
    repair.number = next_number_++;
    repair.missing = shards.size();
    for (const ShardId shard : shards) repair.report.shards.push_back({shard, 0, false});
    return repair.number;
}

void RepairBoard::ended(uint64_t number, const ShardRoot& shard, uint64_t keys_sent, uint64_t keys_received) {
    std::lock_guard guard(mutex_);
    auto* const repair = const_cast<Repair*>(find(number));
    if (repair == nullptr || repair->missing == 0) return;
    const auto at = std::ranges::find(repair->report.shards, shard.shard, &ShardRoot::shard);
    if (at == repair->report.shards.end()) return;
    *at = shard;
    repair->report.keys_sent += keys_sent;
    repair->report.keys_received += keys_received;
    --repair->missing;
}

std::optional<RepairReport> RepairBoard::report(uint64_t number) const {
    std::lock_guard guard(mutex_);
    const Repair* const repair = find(number);
    if (repair == nullptr) return RepairReport{};
    if (repair->missing != 0) return std::nullopt;
    return repair->report;
}

}  // namespace torc

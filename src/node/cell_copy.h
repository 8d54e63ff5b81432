// This node's cells as anti-entropy and hand-off see them: lists, reads and joins that never wait. What
// stands in the way (a lock, a key that is only on disk) is said as "later", and by the next call the disk
// has been read.
//
// On its worker's thread, with no shard lock held.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "node/cell_store.h"
#include "repl/exchange.h"

namespace torc {

struct WorkerCore;

class CellCopy final : public ExchangeCopy {
  public:
    CellCopy(WorkerCore& worker, ClusterCore& cluster)
        : worker_(worker), cells_(*worker_store(worker), cluster) {}

    const MerkleForest& forest() const override;
    bool list(SlotId slot, unsigned leaf, std::vector<KeyDigest>& out) override;
    Read read(std::string_view key, std::string& cell) override;
    bool merge(std::string_view key, std::string_view cell) override;

    /// Visits (key, cell) of every key of a slot. False: later.
    bool walk(SlotId slot, const std::function<void(std::string_view key, std::string_view cell)>& visit);
    /// Makes the slot's leaves what its keys say: a record that turned unreadable on disk left its trace in
    /// them. False: later.
    bool correct_leaves(SlotId slot);
    /// Drops the slot's cells whose value can't be read any more: for a node that isn't to keep them. Of the
    /// records that walk() has just passed by; returns how many. What is in the way stays for the next time.
    size_t forget_damaged(SlotId slot);
    /// Has the disk read what is wanted, and forgets what was read and not asked for again for a while. Now
    /// and then.
    void age_cold(int64_t now_ms);

  private:
    using Records = std::unordered_map<uint64_t, StoredRecord>;  // by log address
    struct Cold {
        std::atomic<bool> busy{false};
        Records records;  // only touched by the worker while not busy
    };
    static Store* worker_store(WorkerCore& worker);
    bool walk_locked(SlotId slot,
                     const std::function<void(std::string_view key, std::string_view cell)>& visit,
                     const std::function<void()>& at_end);
    void want(LogAddress address);
    /// Takes what the disk has given since; when it has nothing to do, it's given all that is wanted by now:
    /// one after the other would cost each a tick.
    void read_on();
    /// Null: not read yet. A record that can't be read has no key.
    const StoredRecord* known(LogAddress address);

    WorkerCore& worker_;
    CellStore cells_;
    std::shared_ptr<Cold> cold_ = std::make_shared<Cold>();
    Records recent_, older_;                    // asked for lately; not since
    std::set<uint64_t> wanted_, on_their_way_;  // in the order of the log, so that the disk reads forward
    int64_t aged_ms_ = 0;
    std::string out_;
};

}  // namespace torc

// The one implementation of SegmentSet and SegmentSetWriter.
//
// Two locks: the table's inner one, held for instructions; and change_mutex_ around everything that alters
// the manifest or removes files, which may take as long as the disk does. hold() shares the latter.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "engine/manifest.h"
#include "engine/segment_scan.h"
#include "engine/segment_set_writer.h"
#include "engine/segment_table.h"

namespace torc {

class SegmentSetImpl final : public SegmentSetWriter {
  public:
    SegmentSetImpl(Disk& disk, std::string directory, std::unique_ptr<DirectoryLock> lock, Manifest manifest);

    /// Fills the table from the manifest and the directory's file names, and removes leftovers.
    Result<void> load(const std::vector<std::string>& names);

    uint64_t hash_seed() const override { return hash_seed_; }
    const std::string& directory() const override { return directory_; }
    Result<RecoveryReport> recover(const std::function<void(SlotId, DbId, uint64_t)>& expected,
                                   const std::function<void(const RecoveredKey&)>& on_key,
                                   const std::function<void(double)>& progress) override;
    Result<StoredRecord> read(LogAddress address, uint32_t size_hint) const override;
    void add_live(LogAddress address, uint32_t size) override { table_.add_live(address.place(), size); }
    void remove_live(LogAddress address, uint32_t size) override {
        table_.add_live(address.place(), -static_cast<int64_t>(size));
    }
    std::vector<SegmentInfo> list() const override;
    uint64_t total_bytes() const override;
    uint64_t live_bytes() const override;

    Disk& disk() override { return disk_; }
    uint64_t directory_id() const override { return directory_id_; }
    std::string segment_path(uint64_t id) const override;
    std::string hint_path(uint64_t id) const override;
    SegmentTicket reserve(uint64_t max_bytes, format::SegmentOrigin origin) override {
        return table_.reserve(max_bytes, origin);
    }
    void release(const SegmentTicket& ticket) override { table_.release(ticket); }
    void adopt(const SegmentTicket& ticket, std::shared_ptr<File> file) override;
    void exchange_file(uint64_t id, std::shared_ptr<File> file) override;
    void note_written(uint64_t id, uint64_t bytes, Lsn lowest_lsn, Lsn highest_lsn) override;
    Result<void> seal(uint64_t id) override;
    Result<SegmentInfo> finish(uint64_t id) override;
    Result<void> replace(std::span<const uint64_t> sources, std::span<const uint64_t> outputs) override;
    Result<void> discard(uint64_t id) override;
    std::vector<uint64_t> unsealed_log_segments() const override;
    bool may_hold_older(SlotId slot, uint64_t hash, uint64_t hash2, Lsn lsn,
                        std::span<const uint64_t> except) const override;
    bool may_hold_older(Lsn lsn, std::span<const uint64_t> except) const override;
    Result<std::shared_ptr<File>> segment(uint64_t id) const override;
    Result<std::shared_ptr<HintFile>> hints(uint64_t id) const override;
    LogAddress address_of(uint64_t id, uint64_t offset) const override;
    std::shared_ptr<void> hold() override;

  private:
    Result<void> load_listed(const ManifestSegment& listed);
    /// True when the unlisted file belongs to the log's tail and was taken in.
    Result<bool> load_unlisted(uint64_t id);
    /// Scans a synced segment and writes its hint file. The scan's entries are sorted on return.
    Result<SegmentScan> close_segment(const TableSegment& segment);
    Result<void> discard_locked(uint64_t id);
    Result<void> store_locked(Manifest next);
    void remove_files(uint64_t id);

    Disk& disk_;
    const std::string directory_;
    const std::unique_ptr<DirectoryLock> lock_;
    const uint64_t directory_id_;
    const uint64_t hash_seed_;
    mutable SegmentTable table_;
    std::shared_mutex change_mutex_;
    Manifest manifest_;                // behind change_mutex_
    bool manifest_uncertain_ = false;  // likewise: replacing it failed, and the disk may hold either
};

}  // namespace torc

// BGSAVE, SAVE and SHUTDOWN: backups run one at a time, on the thread that does the log's housekeeping.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "commands/persistence.h"

namespace torc {

struct NodeCore;

class BackupRunner final : public Persistence {
  public:
    explicit BackupRunner(NodeCore& node);

    Result<bool> start_backup(bool schedule) override;
    bool backup_running() const override { return running_.load(); }
    uint64_t backups_ended() const override { return ended_.load(); }
    bool last_backup_ok() const override { return last_ok_.load(); }
    int64_t last_backup_seconds() const override { return last_end_s_.load(); }
    Lsn last_lsn() const override;
    Result<void> request_shutdown(const ShutdownWish& wish) override;
    bool abort_shutdown() override;

    int64_t started_seconds() const { return started_s_.load(); }
    int64_t last_duration_seconds() const { return last_duration_s_.load(); }
    /// Changes counted at the end of the last good backup, for INFO.
    uint64_t changes_at_backup() const { return changes_at_backup_.load(); }

    /// From Node::maintenance_step().
    void run_if_wanted();

  private:
    void run();

    NodeCore& node_;
    std::atomic<bool> wanted_{false}, running_{false}, again_{false}, stop_after_{false}, last_ok_{true};
    std::atomic<uint64_t> ended_{0}, changes_at_backup_{0};
    std::atomic<int64_t> started_s_{0}, last_end_s_{0}, last_duration_s_{-1};
};

}  // namespace torc

#include "node/backup_runner.h"

#include "base/log.h"
#include "engine/backup.h"
#include "node/node_core.h"
#include "node/worker_core.h"

namespace torc {

BackupRunner::BackupRunner(NodeCore& node)
    : node_(node), last_end_s_(node.environment.clock.wall_ms() / 1000) {}

Lsn BackupRunner::last_lsn() const { return node_.loading.load() ? 0 : node_.store->log().last_lsn(); }

Result<bool> BackupRunner::start_backup(bool schedule) {
    if (running_.exchange(true)) {
        if (schedule) again_ = true;
        return false;
    }
    launch();
    return true;
}

void BackupRunner::launch() {
    started_s_ = node_.environment.clock.wall_ms() / 1000;
    std::lock_guard guard(node_.workers_mutex);
    TORC_CHECK(!node_.workers.empty());
    node_.workers.front()->host.run_blocking([this] { run(); });
}

void BackupRunner::run() {
    const int64_t from_ms = node_.environment.clock.wall_ms();
    const uint64_t changes = node_.total_changes();
    const auto made = make_backup(*node_.store, node_.environment.disk, from_ms);
    const int64_t now_ms = node_.environment.clock.wall_ms();
    if (made) {
        log_notice("backup written to {} in {} ms", *made, now_ms - from_ms);
        last_end_s_ = now_ms / 1000;
        changes_at_backup_ = changes;
    } else {
        log_warning("backup failed: {}", made.error().message);
    }
    last_ok_ = made.has_value();
    last_duration_s_ = (now_ms - from_ms) / 1000;
    running_ = false;
    ended_.fetch_add(1);
    node_.log_progressed();
    if (stop_after_.exchange(false)) {
        node_.environment.request_stop();
    } else if (again_.exchange(false) && !running_.exchange(true)) {
        launch();
    }
}

Result<void> BackupRunner::request_shutdown(const ShutdownWish& wish) {
    if (!wish.save) {
        node_.environment.request_stop();
        return {};
    }
    stop_after_ = true;
    (void)start_backup(true);
    return {};
}

bool BackupRunner::abort_shutdown() { return stop_after_.exchange(false); }

}  // namespace torc

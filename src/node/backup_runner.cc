#include "node/backup_runner.h"

#include "base/log.h"
#include "engine/backup.h"
#include "node/node_core.h"
#include "node/worker_core.h"

namespace torc {

BackupRunner::BackupRunner(NodeCore& node)
    : node_(node), last_end_s_(node.environment.clock.wall_ms() / 1000) {}

Lsn BackupRunner::last_lsn() const {
    return node_.loading.load() ? 0 : node_.store->log().last_lsn();
}

Result<bool> BackupRunner::start_backup(bool schedule) {
    if (node_.loading.load())
        return fail(ErrorKind::refused, "LOADING Redis is loading the dataset in memory");
    if (running_.exchange(true)) {
        if (schedule) again_ = true;
        return false;
    }
    started_s_ = node_.environment.clock.wall_ms() / 1000;
    wanted_ = true;
    if (node_.maintenance_wanted) node_.maintenance_wanted();
    return true;
}

void BackupRunner::run_if_wanted() {
    if (!wanted_.exchange(false)) return;
    run();
    if (stop_after_.exchange(false))
        node_.environment.request_stop();
    else if (again_.exchange(false))
        (void)start_backup(false);
}

void BackupRunner::run() {
    Disk& disk = node_.environment.disk;
    const int64_t from_ms = node_.environment.clock.wall_ms();
    const uint64_t changes = node_.total_changes();
    // Without a log there's nothing to link to: it's switched on for as long as the backup takes, which
    // begins it with a base of everything.
    const bool only_for_this = !node_.store->log_enabled();
    Result<void> logged;
    if (only_for_this) logged = node_.store->set_log_enabled(true);
    const auto made = logged ? make_backup(node_.store->segments(), node_.store->log(),
                                           backup_path(disk, node_.store->segments().directory(), from_ms))
                             : Result<BackupReport>(fail(logged.error()));
    if (only_for_this) (void)node_.store->set_log_enabled(node_.config.live.appendonly.load());
    const int64_t now_ms = node_.environment.clock.wall_ms();
    if (made) {
        log_notice("backup of {} bytes in {} segments written to {} in {} ms", made->bytes, made->segments,
                   made->path, now_ms - from_ms);
        last_end_s_ = now_ms / 1000;
        changes_at_backup_ = changes;
    } else {
        log_warning("backup failed: {}", made.error().message);
    }
    last_ok_ = made.has_value();
    last_duration_s_ = (now_ms - from_ms) / 1000;
    running_ = false;
    ended_.fetch_add(1);
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

bool BackupRunner::abort_shutdown() {
    return stop_after_.exchange(false);
}

}  // namespace torc

// Reading records that are only on disk, for one connection's next command. The dispatcher notes what the
// command lacks, drops its locks and starts the reads on threads that may block; when all are in, the
// connection is woken, and the command runs again from its beginning with the results at hand ("fetch first,
// then run to the end").
//
// A fetched record may have been changed, moved or deleted meanwhile: Store::install() finds out, and the
// command simply asks again. All calls on the connection's thread; the reads share a Job with it, which
// outlives the connection.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/segment_set.h"
#include "engine/store.h"
#include "node/keyspace.h"
#include "node/worker.h"

namespace torc {

class ColdFetch {
  public:
    /// Keys of one command are bounded by its arguments; names for a walker by this many per round.
    static constexpr size_t kNamesPerRound = 4096;

    struct Key {
        DbId db = 0;
        std::string name;
        LogAddress address;
        Result<StoredRecord> result = fail(ErrorKind::refused, "not read yet");
    };

    void want_key(DbId db, std::string_view name, LogAddress address);
    void want_name(LogAddress address);
    bool wants() const { return !wanted_keys_.empty() || !wanted_names_.empty(); }

    /// Starts what was wanted. `done` is called once, on any thread.
    void start(Store& store, WorkerHost& host, std::function<void()> done);
    bool running() const { return job_ != nullptr && !job_->finished.load(std::memory_order_acquire); }

    /// The keys that the last round read. Taking them ends the round.
    std::vector<Key> take_keys();
    const ColdNames& names() const { return names_; }

    /// Addresses whose records proved to be other keys' during this command.
    std::vector<LogAddress>& not_these() { return not_these_; }
    /// Records put into RAM for this command, pinned: whoever ends it unpins them.
    struct Pin {
        DbId db = 0;
        std::string name;
    };
    std::vector<Pin>& pins() { return pins_; }
    /// The command is done: forget everything.
    void clear();
    bool idle() const { return job_ == nullptr && names_.empty() && not_these_.empty() && pins_.empty(); }

  private:
    struct Job {
        std::vector<Key> keys;
        std::vector<LogAddress> names;
        std::vector<ColdName> name_results;
        std::atomic<bool> finished{false};
    };

    std::vector<Key> wanted_keys_;
    std::vector<LogAddress> wanted_names_;
    std::shared_ptr<Job> job_;
    ColdNames names_;
    std::vector<LogAddress> not_these_;
    std::vector<Pin> pins_;
};

}  // namespace torc

// A whole Store with its log, compaction and background work, driven by one thread from one seed on a
// simulated disk, beside a model that knows what every prefix of the work must look like.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "engine/compaction.h"
#include "engine/store.h"
#include "engine/store_live_index.h"
#include "sim/sim_clock.h"
#include "sim/sim_disk.h"

namespace torc {

/// logical database -> key -> (value, expiry).
using StoreContents = std::map<unsigned, std::map<std::string, std::pair<std::string, int64_t>>>;

/// What one command did: applied to the model when its LSN survived.
struct StoreEffect {
    enum class Kind : uint8_t { put, erase, flush, swap };
    Kind kind = Kind::put;
    unsigned db = 0;
    unsigned other_db = 0;  // swap
    std::string key;
    std::string value;
    int64_t expire_at_ms = kNoExpiry;
};
struct StoreCommand {
    Lsn lsn = 0;
    std::vector<StoreEffect> effects;  // one batch
};

void apply(StoreContents& contents, const StoreCommand& command);

class StoreDriver {
  public:
    static constexpr const char* kPath = "data";
    static constexpr unsigned kDatabases = 4;
    static constexpr uint64_t kSegmentBytes = 8192;

    StoreDriver(SimDisk& disk, uint64_t seed) : disk_(disk), random_(seed) {}

    /// Opens, or opens anew after a death.
    Result<RecoveryReport> open();
    /// One random command, and now and then some background work. False once the disk is dead.
    bool step();
    void run(int steps) {
        for (int i = 0; i < steps && step(); ++i) {
        }
    }
    /// Everything done so far is written and synced.
    Result<void> settle();

    /// All keys, cold ones read from disk; an unreadable one shows with the value "<damaged>".
    StoreContents contents();

    const std::vector<StoreCommand>& commands() const { return commands_; }
    Lsn written_lsn() const { return store_->log().written_lsn(); }
    Lsn synced_lsn() const { return store_->log().synced_lsn(); }
    Store& store() { return *store_; }
    SimClock& clock() { return clock_; }
    /// Work since open() counts on top of this.
    void start_from(StoreContents contents) {
        base_ = std::move(contents);
        commands_.clear();
    }
    const StoreContents& base() const { return base_; }

  private:
    KeyRef ref(const std::string& key) const;
    std::string random_key() { return "key" + std::to_string(random_.below(40)); }
    std::string random_value();
    void put(StoreCommand& command, unsigned db, const std::string& key, const std::string& value,
             int64_t expire_at_ms);
    void erase(StoreCommand& command, unsigned db, const std::string& key);
    /// The record, fetched if cold; shard locked.
    Record* fetch(DbId db, const KeyRef& key);
    void background();

    SimDisk& disk_;
    SimClock clock_;
    Rng random_;
    std::unique_ptr<Store> store_;
    std::unique_ptr<StoreLiveIndex> index_;
    std::unique_ptr<Compaction> compaction_;
    WriteBatch batch_;
    StoreContents base_;
    std::vector<StoreCommand> commands_;
    uint64_t values_ = 0;
};

/// The number of commands after which the model equals `found`, at least `least`; nothing when there's none.
std::optional<size_t> matching_prefix(const StoreDriver& driver, const StoreContents& found, size_t least);

}  // namespace torc

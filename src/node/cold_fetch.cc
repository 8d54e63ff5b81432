#include "node/cold_fetch.h"

#include <algorithm>

#include "base/check.h"

namespace torc {

void ColdFetch::want_key(DbId db, std::string_view name, LogAddress address) {
    Key key;
    key.db = db;
    key.name = name;
    key.address = address;
    wanted_keys_.push_back(std::move(key));
}

void ColdFetch::want_name(LogAddress address) {
    if (wanted_names_.size() < kNamesPerRound) wanted_names_.push_back(address);
}

void ColdFetch::start(Store& store, WorkerHost& host, std::function<void()> done) {
    TORC_CHECK(!running());
    auto job = std::make_shared<Job>();
    job->keys = std::move(wanted_keys_);
    job->names = std::move(wanted_names_);
    wanted_keys_.clear();
    wanted_names_.clear();
    // In the order of the log, so that the disk reads forward.
    std::ranges::sort(job->names, {}, &LogAddress::units);
    job_ = job;
    host.run_blocking([job, &store, done = std::move(done)] {
        for (Key& key : job->keys) key.result = store.segments().read(key.address, 0);
        for (const LogAddress address : job->names) {
            Result<StoredRecord> record = store.segments().read(address, 0);
            ColdName name;
            name.readable = record.has_value();
            if (record) name = {std::string(record->key), record->type, record->expire_at_ms, true, {}};
            if (record && record->type == ValueType::cell) name.cell = record->value;
            job->name_results.push_back(std::move(name));
        }
        job->finished.store(true, std::memory_order_release);
        done();
    });
}

std::vector<ColdFetch::Key> ColdFetch::take_keys() {
    if (job_ == nullptr) return {};
    TORC_CHECK(!running());
    const std::shared_ptr<Job> job = std::move(job_);
    for (size_t i = 0; i < job->names.size(); ++i)
        names_[job->names[i].units] = std::move(job->name_results[i]);
    return std::move(job->keys);
}

void ColdFetch::clear() {
    TORC_CHECK(!running());
    job_ = nullptr;
    names_.clear();
    not_these_.clear();
    pins_.clear();
    wanted_keys_.clear();
    wanted_names_.clear();
}

}  // namespace torc

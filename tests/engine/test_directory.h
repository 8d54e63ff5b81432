// A data directory on a simulated disk, filled record by record without a Log or a Store, for tests of what
// works on segments at rest.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "engine/record_codec.h"
#include "engine/segment_file.h"
#include "engine/segment_set_writer.h"
#include "sim/sim_disk.h"

namespace torc {

class TestDirectory {
  public:
    static constexpr const char* kPath = "data";

    explicit TestDirectory(uint64_t seed = 1) : disk(seed) { open(); }

    void open() {
        auto opened = SegmentSet::open(disk, kPath, 42, 16);
        ASSERT_TRUE(opened) << opened.error().message;
        set = std::move(*opened);
    }
    void close() { set.reset(); }
    SegmentSetWriter& writer() { return SegmentSetWriter::of(*set); }

    static SlotId slot_of(const std::string& key) { return static_cast<SlotId>(hash64(key, 7) % kSlots); }
    uint64_t hash_of(const std::string& key) const { return hash64(key, set->hash_seed()); }

    struct Placed {
        Lsn lsn;
        uint64_t offset;  // in the segment that the next seal() makes
        uint64_t size;
    };
    Placed add(format::RecordKind kind, DbId db, const std::string& key, const std::string& value,
               int64_t expire_at_ms = kNoExpiry) {
        const bool keyless = kind == format::RecordKind::flush || kind == format::RecordKind::swap;
        const uint64_t at = bytes_.size();
        const uint32_t size = encode_record(bytes_, {.kind = kind,
                                                     .db = db,
                                                     .slot = keyless ? SlotId{0} : slot_of(key),
                                                     .key = key,
                                                     .value = value,
                                                     .expire_at_ms = expire_at_ms});
        stamp_record(bytes_.data() + at, record_pre_hash(bytes_.data() + at), writer().directory_id(), ++lsn);
        return {lsn, kSegmentHeaderBytes + at, size};
    }
    Placed put(const std::string& key, const std::string& value, DbId db = 0) {
        return add(format::RecordKind::put, db, key, value);
    }
    Placed erase(const std::string& key, DbId db = 0) {
        return add(format::RecordKind::tombstone, db, key, "");
    }
    Placed flush(DbId db) { return add(format::RecordKind::flush, db, "", ""); }

    /// What was added since, as a segment of the log that isn't sealed. Returns its id.
    uint64_t leave_open() {
        const SegmentTicket ticket =
            writer().reserve(bytes_.size() + kSegmentHeaderBytes, format::SegmentOrigin::log);
        const std::string header = encode_segment_header(ticket.id, writer().directory_id(),
                                                         format::SegmentOrigin::log, base_lsn_, last_id_);
        std::shared_ptr<File> file = disk.create(writer().segment_path(ticket.id)).value();
        const std::string_view pieces[] = {header, bytes_};
        EXPECT_TRUE(file->write_at(0, pieces));
        EXPECT_TRUE(disk.sync_directory(kPath));
        writer().adopt(ticket, file);
        writer().note_written(ticket.id, header.size() + bytes_.size(), base_lsn_ + 1, lsn);
        bytes_.clear();
        base_lsn_ = lsn;
        last_id_ = ticket.id;
        return ticket.id;
    }
    uint64_t seal() {
        const uint64_t id = leave_open();
        EXPECT_TRUE((*writer().segment(id))->sync());
        const auto sealed = writer().seal(id);
        EXPECT_TRUE(sealed) << sealed.error().message;
        return id;
    }

    std::string segment_path(uint64_t id) const { return path_in(kPath, segment_file_name(id)); }
    std::string hint_path(uint64_t id) const { return path_in(kPath, hint_file_name(id)); }

    /// Opens the directory anew and reads all it has: "db/key" -> value. A damaged key shows as
    /// "db/slot" -> "<damaged>".
    std::map<std::string, std::string> contents() {
        close();
        open();
        std::vector<RecoveredKey> keys;
        const auto report =
            set->recover([](SlotId, DbId, uint64_t) {}, [&](const RecoveredKey& key) { keys.push_back(key); },
                         [](double) {});
        EXPECT_TRUE(report) << report.error().message;
        std::map<std::string, std::string> all;
        for (const RecoveredKey& key : keys) {
            const auto stored = set->read(key.address, key.padded_size);
            if (key.damaged || !stored || stored->value_damaged)
                all[std::to_string(key.db) + "/" + std::to_string(key.slot)] = "<damaged>";
            else
                all[std::to_string(key.db) + "/" + std::string(stored->key)] = stored->value;
        }
        return all;
    }

    SimDisk disk;
    std::unique_ptr<SegmentSet> set;
    Lsn lsn = 1000;

  private:
    std::string bytes_;
    Lsn base_lsn_ = 1000;
    uint64_t last_id_ = 0;
};

}  // namespace torc

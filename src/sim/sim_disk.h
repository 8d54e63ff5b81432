// A whole file system in memory, deterministic under its seed, that can fail in every way the engine promises
// to survive.
//
// Two states live side by side: what the running process sees, and what the medium would hold after a loss of
// power. File bytes become durable by File::sync (sim_file.h), names by sync_directory: until then each
// create, rename, link and remove survives a power loss or not, by the seed; a rename as one. make_directory
// is durable at once, as in disk_posix.cc.
//
//   crash()        the process dies: all it wrote stays, also what it never synced
//   power_loss(s)  the machine dies: unsynced sectors and names are kept, dropped or torn; new boot id
//
// After either, File and DirectoryLock objects of the dead process answer ErrorKind::io and release nothing,
// so the remains of a store can be destroyed afterwards without touching the disk.
//
// Operations that change something are numbered from 1 (operations()); fail_at() and stop_at() speak of these
// numbers. Operations that read are numbered apart, for fail_read_at(). Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/disk.h"
#include "base/rng.h"
#include "sim/sim_file.h"

namespace torc {

class SimDisk final : public Disk {
  public:
    explicit SimDisk(uint64_t seed = 1);
    ~SimDisk() override;

    Result<std::unique_ptr<File>> create(const std::string& path) override;
    Result<std::unique_ptr<File>> open(const std::string& path, bool writable) override;
    Result<void> remove(const std::string& path) override;
    Result<void> rename(const std::string& from, const std::string& to) override;
    Result<void> hard_link(const std::string& existing, const std::string& link) override;
    Result<std::vector<std::string>> list(const std::string& directory) override;
    Result<void> make_directory(const std::string& path) override;
    Result<void> sync_directory(const std::string& path) override;
    bool exists(const std::string& path) override;
    Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) override;
    Result<uint64_t> free_bytes(const std::string& directory) override;
    std::string boot_id() override;

    // ---- deaths
    void crash();
    void power_loss(uint64_t seed);

    // ---- faults
    /// The operation of this number fails, and all later ones too when `sticky`. A failed write may have
    /// written a part; a failed sync follows SimFile::fail_sync.
    void fail_at(uint64_t operation, ErrorKind kind, bool sticky);
    void fail_read_at(uint64_t operation, ErrorKind kind, bool sticky);
    /// What a failed sync does to bytes that were waiting for it: most file systems keep them readable (the
    /// default), some show the old ones again. The latter can't be survived by who doesn't keep a copy.
    void set_failed_sync_reverts(bool reverts);
    /// From this operation on the process is dead: nothing is carried out any more (of a write perhaps a
    /// part), until crash() or power_loss().
    void stop_at(uint64_t operation);
    bool stopped() const;
    void clear_faults();
    /// Writes that would take all files together beyond this fail with no_space.
    void set_capacity(uint64_t bytes);
    void flip_bit(const std::string& path, uint64_t offset, unsigned bit);

    // ---- looking on
    /// While this is on, reads are an onlooker's: they aren't counted, and don't fail.
    void set_onlooking(bool on);
    uint64_t operations() const;
    uint64_t read_operations() const;
    /// One line per operation since the last clear, e.g. "write data/0000000000000001.seg 64+128".
    std::vector<std::string> operation_log() const;
    void clear_operation_log();
    uint64_t used_bytes() const;

  private:
    struct Node;
    using NodePtr = std::shared_ptr<Node>;
    struct NameChange {
        uint64_t group;  // changes of one group survive a power loss together
        std::string name;
        NodePtr node;  // null: the name goes
    };
    /// A file, or a directory with its names as seen and as durable.
    struct Node {
        bool is_directory = false;
        SimFile file;
        std::map<std::string, NodePtr> names;
        std::map<std::string, NodePtr> durable_names;
        std::vector<NameChange> unsynced;
    };
    struct Fault {
        uint64_t at = 0;  // 0: none
        ErrorKind kind = ErrorKind::io;
        bool sticky = false;
    };
    class OpenFile;
    class HeldLock;

    // All below with mutex_ held.
    NodePtr find(const std::string& path) const;
    NodePtr parent(const std::string& path, std::string& name) const;
    Result<void> begin_operation(const std::string& what, const std::string& path);
    Result<void> begin_read(const std::string& what, const std::string& path);
    Result<void> strike(Fault& fault, uint64_t number, const std::string& what, const std::string& path);
    void change_name(const NodePtr& directory, const std::string& name, const NodePtr& node, uint64_t group);
    void lose_names(const NodePtr& directory, const std::function<bool(uint64_t)>& survives);
    void lose_files(const NodePtr& directory, Rng& rng, std::set<const Node*>& done);
    uint64_t used_bytes_locked() const;
    uint64_t used(const NodePtr& directory, std::set<const Node*>& counted) const;
    void rise();
    void note(const std::string& line);

    mutable std::mutex mutex_;
    NodePtr root_;
    Rng rng_;
    Fault fault_;
    Fault read_fault_;
    bool failed_sync_reverts_ = false;
    uint64_t stop_at_ = 0;
    bool stopped_ = false;
    uint64_t operations_ = 0;
    uint64_t read_operations_ = 0;
    bool onlooking_ = false;
    uint64_t groups_ = 0;
    uint64_t generation_ = 1;  // of processes: handles of earlier ones are dead
    uint64_t boots_ = 1;
    uint64_t capacity_ = UINT64_MAX;
    std::set<std::string> locks_;
    std::vector<std::string> operation_log_;
};

}  // namespace torc

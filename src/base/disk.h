// The disk as the engine sees it. Everything the engine does to storage goes through these two classes, so
// that the simulator can tear, lose, fail and slow down any of it. disk_posix.cc is the only place that calls
// fsync.
//
// Paths are plain strings. Errors name the path. All calls may block: never call them under a shard lock, nor
// on an I/O thread except File::write_at of the log's group commit.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace torc {

/// One open file. read_at and sync are safe from any thread at any time; the rest by one thread at a time.
class File {
  public:
    virtual ~File() = default;
    /// Writes all pieces one after another from `offset`. After an error nothing is known about the bytes
    /// from `offset` on, and the same call may be tried again.
    virtual Result<void> write_at(uint64_t offset, std::span<const std::string_view> pieces) = 0;
    /// Fills `into`; a short count means the file ended.
    virtual Result<size_t> read_at(uint64_t offset, std::span<char> into) const = 0;
    /// fdatasync: all bytes written before the call are durable when it succeeds.
    virtual Result<void> sync() = 0;
    virtual Result<void> truncate(uint64_t size) = 0;
    virtual Result<uint64_t> size() const = 0;
};

/// Held while this process owns a data directory; released by the destructor.
class DirectoryLock {
  public:
    virtual ~DirectoryLock() = default;
};

class Disk {
  public:
    virtual ~Disk() = default;
    /// Creates an empty file; ErrorKind::exists when there is one.
    virtual Result<std::unique_ptr<File>> create(const std::string& path) = 0;
    virtual Result<std::unique_ptr<File>> open(const std::string& path, bool writable) = 0;
    /// A file, or an empty directory.
    virtual Result<void> remove(const std::string& path) = 0;
    /// Atomic replacement; durable after sync_directory.
    virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
    virtual Result<void> hard_link(const std::string& existing, const std::string& link) = 0;
    virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
    /// Creates the directory and its parents, durably; fine if it is there.
    virtual Result<void> make_directory(const std::string& path) = 0;
    virtual Result<void> sync_directory(const std::string& path) = 0;
    virtual bool exists(const std::string& path) = 0;
    /// ErrorKind::busy when another process holds it.
    virtual Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) = 0;
    virtual Result<uint64_t> free_bytes(const std::string& directory) = 0;
    /// Names the present run of the operating system: while it is unchanged, bytes handed to write() are
    /// still in the page cache after a crash of the process.
    virtual std::string boot_id() = 0;
};

/// The real thing.
Disk& posix_disk();

/// Reads a whole small file.
Result<std::string> read_file(Disk& disk, const std::string& path);
/// Writes `bytes` to path + ".tmp", syncs, renames over path, syncs the directory.
Result<void> replace_file(Disk& disk, const std::string& path, std::string_view bytes);

}  // namespace torc

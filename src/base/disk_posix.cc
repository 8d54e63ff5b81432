// base/disk.h over the system calls of Linux.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/disk.h"

namespace torc {
namespace {

ErrorKind kind_of(int error) {
    switch (error) {
        case ENOENT:
            return ErrorKind::not_found;
        case EEXIST:
            return ErrorKind::exists;
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
            return ErrorKind::no_space;
        case EMFILE:
        case ENFILE:
        case EACCES:
        case EPERM:
        case EROFS:
            return ErrorKind::refused;
        default:
            return ErrorKind::io;
    }
}

std::unexpected<Error> system_error(int error, std::string_view what, const std::string& path) {
    std::array<char, 128> text{};
    const char* reason = strerror_r(error, text.data(), text.size());
    return fail(kind_of(error), fmt::format("{} {}: {}", what, path, reason));
}

class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const { return fd_; }

  private:
    int fd_;
};

class PosixFile : public File {
  public:
    PosixFile(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

    Result<void> write_at(uint64_t offset, std::span<const std::string_view> pieces) override {
        std::array<iovec, kPiecesPerCall> vectors;
        size_t piece = 0;  // first piece that isn't wholly written
        size_t done = 0;   // bytes of it that are
        while (piece < pieces.size()) {
            int count = 0;
            for (size_t i = piece; i < pieces.size() && count < int{kPiecesPerCall}; ++i) {
                const std::string_view bytes = pieces[i].substr(i == piece ? done : 0);
                if (!bytes.empty())
                    vectors[static_cast<size_t>(count++)] = {const_cast<char*>(bytes.data()), bytes.size()};
            }
            if (count == 0) return {};
            const ssize_t written = ::pwritev(fd_.get(), vectors.data(), count, static_cast<off_t>(offset));
            if (written < 0) {
                if (errno == EINTR) continue;
                return system_error(errno, "cannot write to", path_);
            }
            offset += static_cast<uint64_t>(written);
            size_t left = static_cast<size_t>(written);
            while (piece < pieces.size() && left >= pieces[piece].size() - done) {
                left -= pieces[piece].size() - done;
                done = 0;
                ++piece;
            }
            done += left;
        }
        return {};
    }

    Result<size_t> read_at(uint64_t offset, std::span<char> into) const override {
        size_t done = 0;
        while (done < into.size()) {
            const ssize_t read =
                ::pread(fd_.get(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
            if (read < 0) {
                if (errno == EINTR) continue;
                return system_error(errno, "cannot read from", path_);
            }
            if (read == 0) break;
            done += static_cast<size_t>(read);
        }
        return done;
    }

    Result<void> sync() override {
        if (::fdatasync(fd_.get()) != 0) return system_error(errno, "cannot sync", path_);
        return {};
    }

    Result<void> truncate(uint64_t size) override {
        if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0)
            return system_error(errno, "cannot truncate", path_);
        return {};
    }

    Result<uint64_t> size() const override {
        struct stat info;
        if (::fstat(fd_.get(), &info) != 0) return system_error(errno, "cannot look at", path_);
        return static_cast<uint64_t>(info.st_size);
    }

  private:
    static constexpr unsigned kPiecesPerCall = 64;

    Descriptor fd_;
    std::string path_;
};

class PosixLock : public DirectoryLock {
  public:
    explicit PosixLock(Descriptor fd) : fd_(std::move(fd)) {}

  private:
    Descriptor fd_;  // closing it releases the lock
};

class PosixDisk : public Disk {
  public:
    Result<std::unique_ptr<File>> create(const std::string& path) override {
        return open_with(path, O_RDWR | O_CREAT | O_EXCL, "cannot create");
    }

    Result<std::unique_ptr<File>> open(const std::string& path, bool writable) override {
        return open_with(path, writable ? O_RDWR : O_RDONLY, "cannot open");
    }

    Result<void> remove(const std::string& path) override {
        if (::remove(path.c_str()) != 0) return system_error(errno, "cannot remove", path);
        return {};
    }

    Result<void> rename(const std::string& from, const std::string& to) override {
        if (::rename(from.c_str(), to.c_str()) != 0)
            return system_error(errno, fmt::format("cannot rename {} to", from), to);
        return {};
    }

    Result<void> hard_link(const std::string& existing, const std::string& link) override {
        if (::link(existing.c_str(), link.c_str()) != 0)
            return system_error(errno, fmt::format("cannot link {} as", existing), link);
        return {};
    }

    Result<std::vector<std::string>> list(const std::string& directory) override {
        DIR* handle = ::opendir(directory.c_str());
        if (handle == nullptr) return system_error(errno, "cannot list", directory);
        std::vector<std::string> names;
        errno = 0;
        while (const dirent* entry = ::readdir(handle)) {
            const std::string_view name = entry->d_name;
            if (name != "." && name != "..") names.emplace_back(name);
            errno = 0;
        }
        const int error = errno;
        ::closedir(handle);
        if (error != 0) return system_error(error, "cannot list", directory);
        std::sort(names.begin(), names.end());
        return names;
    }

    Result<void> make_directory(const std::string& path) override {
        for (size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
            if (auto made = make_one(path.substr(0, end)); !made) return made;
        }
        return make_one(path);
    }

    Result<void> sync_directory(const std::string& path) override {
        const Descriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (fd.get() < 0 || ::fsync(fd.get()) != 0) return system_error(errno, "cannot sync directory", path);
        return {};
    }

    bool exists(const std::string& path) override {
        struct stat info;
        return ::lstat(path.c_str(), &info) == 0;
    }

    Result<std::unique_ptr<DirectoryLock>> lock_directory(const std::string& path) override {
        const std::string name = path + "/LOCK";
        Descriptor fd(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
        if (fd.get() < 0) return system_error(errno, "cannot open", name);
        if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK)
                return fail(ErrorKind::busy,
                            fmt::format("{} is in use by another process (it holds {}); stop that one or "
                                        "choose another `dir`",
                                        path, name));
            return system_error(errno, "cannot lock", name);
        }
        return std::make_unique<PosixLock>(std::move(fd));
    }

    Result<uint64_t> free_bytes(const std::string& directory) override {
        struct statvfs info;
        if (::statvfs(directory.c_str(), &info) != 0)
            return system_error(errno, "cannot look at the file system of", directory);
        return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
    }

    std::string boot_id() override {
        // The kernel reports size 0 for its files, so read_file() can't be used.
        const Descriptor fd(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
        std::array<char, 64> text{};
        const ssize_t read = fd.get() < 0 ? -1 : ::read(fd.get(), text.data(), text.size());
        if (read <= 0) return {};
        std::string id(text.data(), static_cast<size_t>(read));
        while (!id.empty() && id.back() == '\n') id.pop_back();
        return id;
    }

  private:
    static Result<std::unique_ptr<File>> open_with(const std::string& path, int flags,
                                                   std::string_view what) {
        Descriptor fd(::open(path.c_str(), flags | O_CLOEXEC, 0644));
        if (fd.get() < 0) return system_error(errno, what, path);
        return std::make_unique<PosixFile>(std::move(fd), path);
    }

    static Result<void> make_one(const std::string& path) {
        if (::mkdir(path.c_str(), 0755) == 0) {
            const size_t slash = path.rfind('/');
            const std::string parent =
                slash == std::string::npos ? "." : path.substr(0, std::max<size_t>(slash, 1));
            const Descriptor fd(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
            if (fd.get() < 0 || ::fsync(fd.get()) != 0)
                return system_error(errno, "cannot sync directory", parent);
            return {};
        }
        const int error = errno;
        struct stat info;
        if (error == EEXIST && ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return {};
        return system_error(error, "cannot create directory", path);
    }
};

}  // namespace

Disk& posix_disk() {
    static PosixDisk disk;
    return disk;
}

}  // namespace torc

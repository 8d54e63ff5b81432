#include "base/log_file_sink.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace torc {

LogFileSink::~LogFileSink() {
    if (fd_ >= 0) ::close(fd_);
}

Result<void> LogFileSink::reopen() {
    std::lock_guard lock(mutex_);
    return open_locked();
}

Result<void> LogFileSink::open_locked() {
    const int fd = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        return fail(ErrorKind::io,
                    fmt::format("Can't open the log file {}: {}. Check the `logfile` directive", path_,
                                std::strerror(errno)));
    }
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
    return {};
}

bool LogFileSink::moved_away() const {
    struct stat named{}, open{};
    if (::stat(path_.c_str(), &named) != 0) return true;
    return ::fstat(fd_, &open) != 0 || named.st_ino != open.st_ino || named.st_dev != open.st_dev;
}

void LogFileSink::sink_it_(const spdlog::details::log_msg& message) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= next_look_) {
        next_look_ = now + std::chrono::seconds(1);
        if (moved_away()) (void)open_locked();  // else the old file goes on: there's nowhere to complain
    }
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    // A full disk loses lines, never the server.
    (void)!::write(fd_, line.data(), line.size());
}

}  // namespace torc

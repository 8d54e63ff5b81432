#include "server/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/log.h"

namespace torc {
namespace {

/// Descriptors that aren't clients: listening sockets, loops, the log's segments and their readers.
constexpr int64_t kOwnFiles = 1024;
/// With a small limit, at most a quarter of it is kept for ourselves.
constexpr int64_t kLeastOwnFiles = 64;

}  // namespace

Result<void> daemonize() {
    const pid_t child = ::fork();
    if (child < 0) return fail(ErrorKind::refused, fmt::format("daemonize: fork: {}", std::strerror(errno)));
    if (child > 0) ::_exit(0);
    ::setsid();
    if (const int null = ::open("/dev/null", O_RDWR); null >= 0) {
        for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, standard);
        if (null > STDERR_FILENO) ::close(null);
    }
    return {};
}

PidFile::PidFile(std::string path) : path_(std::move(path)) {
    if (path_.empty()) return;
    std::ofstream file(path_, std::ios::trunc);
    file << ::getpid() << '\n';
    if (!file.flush()) {
        log_warning("Can't write the pid file {}: {}", path_, std::strerror(errno));
        path_.clear();
    }
}

void PidFile::remove() {
    if (!path_.empty()) ::unlink(path_.c_str());
    path_.clear();
}

int64_t make_room_for_clients(int64_t clients) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return clients;
    const auto wanted = static_cast<rlim_t>(clients + kOwnFiles);
    if (limit.rlim_cur < wanted) {
        rlimit raised{wanted, std::max(limit.rlim_max, wanted)};
        // The hard limit can be raised by root only; else as far as it goes.
        if (::setrlimit(RLIMIT_NOFILE, &raised) != 0) {
            raised = {std::min(limit.rlim_max, wanted), limit.rlim_max};
            (void)::setrlimit(RLIMIT_NOFILE, &raised);
        }
        (void)::getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= wanted) return clients;
    const auto files = static_cast<int64_t>(limit.rlim_cur);
    const int64_t own = std::clamp(files / 4, kLeastOwnFiles, kOwnFiles);
    return std::clamp<int64_t>(files - own, 1, clients);
}

}  // namespace torc

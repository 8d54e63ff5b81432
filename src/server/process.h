// What a server does to its own process: into the background, its pid into a file, its limit on open files.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace torc {

/// Goes on in a child without a terminal; the parent exits with 0. Before any thread is started.
Result<void> daemonize();

/// The pid in a file, removed at the end. Nothing at all for an empty path.
class PidFile {
  public:
    explicit PidFile(std::string path);
    ~PidFile() { remove(); }
    PidFile(const PidFile&) = delete;
    PidFile& operator=(const PidFile&) = delete;
    void remove();

  private:
    std::string path_;
};

/// Raises RLIMIT_NOFILE so that `clients` connections fit beside our own files. Returns how many do.
int64_t make_room_for_clients(int64_t clients);

}  // namespace torc

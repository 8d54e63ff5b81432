// A log file that survives rotation: it looks once a second whether its path still names the open file, and
// opens the path anew when not. Lines are written one by one, unbuffered: the asynchronous logger's thread is
// the only writer, and the last line before a crash is the one that matters.
#pragma once

#include <spdlog/sinks/base_sink.h>

#include <chrono>
#include <mutex>
#include <string>

#include "base/result.h"

namespace torc {

class LogFileSink final : public spdlog::sinks::base_sink<std::mutex> {
  public:
    explicit LogFileSink(std::string path) : path_(std::move(path)) {}
    ~LogFileSink() override;

    /// Opens the path (anew). On failure the file that was open stays in use.
    Result<void> reopen();

  protected:
    void sink_it_(const spdlog::details::log_msg& message) override;
    void flush_() override {}

  private:
    Result<void> open_locked();
    bool moved_away() const;

    const std::string path_;
    int fd_ = -1;
    std::chrono::steady_clock::time_point next_look_{};
};

}  // namespace torc

// The process log. A thin face over spdlog so that the cores neither include it nor know where lines go.
// Any thread may log. Levels are those of redis.conf's `loglevel`, lines look like Redis' own:
//
//   1234:M 22 Nov 2026 11:32:28.123 * Ready to accept connections
//
// Until open_log() lines go to standard output, written by the caller.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace torc {

enum class LogLevel : uint8_t { debug, verbose, notice, warning, nothing };

/// The level that `loglevel` names; nothing for an unknown word.
std::optional<LogLevel> log_level_named(std::string_view name);

/// Sends lines to `path` (appended to, created when missing) or to standard output when it's empty, through a
/// thread of its own: no caller waits for the disk, and when lines come faster than they can be written the
/// oldest are dropped. A file that was moved or removed is opened anew within a second, so rotating needs no
/// signal. Call before other threads log.
Result<void> open_log(const std::string& path, LogLevel level);
/// Opens the file anew now. Any thread.
void reopen_log();
/// Writes what is queued and ends the thread. Later lines go to standard output. Call when no other thread
/// logs.
void close_log();
/// Writes what is queued, for a process that ends while other threads still run: their later lines are lost.
void drain_log();

/// True when lines of this level are kept; callers may skip costly arguments.
bool log_enabled(LogLevel level);
void set_log_level(LogLevel level);
void log_line(LogLevel level, std::string_view line);

template <class... Args>
void log_at(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
    if (log_enabled(level)) log_line(level, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
    log_at(LogLevel::debug, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_notice(fmt::format_string<Args...> format, Args&&... args) {
    log_at(LogLevel::notice, format, std::forward<Args>(args)...);
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
    log_at(LogLevel::warning, format, std::forward<Args>(args)...);
}

}  // namespace torc

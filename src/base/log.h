// The process log. A thin face over spdlog so that the cores neither include it nor know where lines go.
// Any thread may log. Levels are those of redis.conf's `loglevel`.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

namespace torc {

enum class LogLevel : uint8_t { debug, verbose, notice, warning };

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

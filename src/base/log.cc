#include "base/log.h"

#include <spdlog/spdlog.h>

namespace torc {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
    switch (level) {
        case LogLevel::debug: return spdlog::level::trace;
        case LogLevel::verbose: return spdlog::level::debug;
        case LogLevel::notice: return spdlog::level::info;
        case LogLevel::warning: return spdlog::level::warn;
    }
    return spdlog::level::info;
}

}  // namespace

bool log_enabled(LogLevel level) { return spdlog::default_logger_raw()->should_log(spdlog_level(level)); }
void set_log_level(LogLevel level) { spdlog::set_level(spdlog_level(level)); }
void log_line(LogLevel level, std::string_view line) {
    spdlog::default_logger_raw()->log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace torc

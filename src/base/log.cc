#include "base/log.h"

#include <spdlog/async.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "base/log_file_sink.h"

namespace torc {
namespace {

constexpr size_t kQueuedLines = 8192;

std::shared_ptr<LogFileSink> file_sink;

spdlog::level::level_enum spdlog_level(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return spdlog::level::trace;
        case LogLevel::verbose:
            return spdlog::level::debug;
        case LogLevel::notice:
            return spdlog::level::info;
        case LogLevel::warning:
            return spdlog::level::warn;
        case LogLevel::nothing:
            return spdlog::level::off;
    }
    return spdlog::level::info;
}

/// Redis' one-character levels.
class LevelMark final : public spdlog::custom_flag_formatter {
  public:
    void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
        switch (message.level) {
            case spdlog::level::trace:
                out.push_back('.');
                break;
            case spdlog::level::debug:
                out.push_back('-');
                break;
            case spdlog::level::info:
                out.push_back('*');
                break;
            default:
                out.push_back('#');
                break;
        }
    }
    std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<LevelMark>(); }
};

std::unique_ptr<spdlog::formatter> line_format() {
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<LevelMark>('*').set_pattern("%P:M %d %b %Y %H:%M:%S.%e %* %v");
    return formatter;
}

}  // namespace

std::optional<LogLevel> log_level_named(std::string_view name) {
    if (name == "debug") return LogLevel::debug;
    if (name == "verbose") return LogLevel::verbose;
    if (name == "notice") return LogLevel::notice;
    if (name == "warning") return LogLevel::warning;
    if (name == "nothing") return LogLevel::nothing;
    return std::nullopt;
}

Result<void> open_log(const std::string& path, LogLevel level) {
    spdlog::sink_ptr sink;
    std::shared_ptr<LogFileSink> file;
    if (path.empty()) {
        sink = std::make_shared<spdlog::sinks::stdout_sink_mt>();
    } else {
        file = std::make_shared<LogFileSink>(path);
        if (auto opened = file->reopen(); !opened) return opened;
        sink = file;
    }
    file_sink = file;
    spdlog::init_thread_pool(kQueuedLines, 1);
    auto logger = std::make_shared<spdlog::async_logger>("torc", sink, spdlog::thread_pool(),
                                                         spdlog::async_overflow_policy::overrun_oldest);
    logger->set_formatter(line_format());
    logger->set_level(spdlog_level(level));
    if (!file) logger->flush_on(spdlog::level::trace);  // a pipe is read by someone who waits for the line
    spdlog::set_default_logger(logger);
    return {};
}

void reopen_log() {
    if (!file_sink) return;
    if (auto opened = file_sink->reopen(); !opened) log_warning("{}", opened.error().message);
}

void close_log() {
    auto plain =
        std::make_shared<spdlog::logger>("stdout", std::make_shared<spdlog::sinks::stdout_sink_mt>());
    plain->set_formatter(line_format());
    plain->set_level(spdlog::default_logger_raw()->level());
    spdlog::set_default_logger(plain);
    // With the last logger gone the pool's destructor writes what is queued.
    spdlog::details::registry::instance().set_tp(nullptr);
    file_sink.reset();
}

// Loggers refer to the pool weakly, so this is the end of it.
void drain_log() {
    spdlog::details::registry::instance().set_tp(nullptr);
}

bool log_enabled(LogLevel level) {
    return spdlog::default_logger_raw()->should_log(spdlog_level(level));
}
void set_log_level(LogLevel level) {
    spdlog::default_logger_raw()->set_level(spdlog_level(level));
}
void log_line(LogLevel level, std::string_view line) {
    try {
        spdlog::default_logger_raw()->log(spdlog_level(level),
                                          spdlog::string_view_t(line.data(), line.size()));
    } catch (const spdlog::spdlog_ex&) {  // after drain_log()
    }
}

}  // namespace torc

// TORC_CHECK: an assertion that stays on in every build. It guards what only a bug of ours can break; the
// process stops with file, line and condition rather than go on with a state that nobody designed.
#pragma once

namespace torc {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace torc

#define TORC_CHECK(condition) \
    (__builtin_expect(!!(condition), 1) ? (void)0 : ::torc::check_failed(#condition, __FILE__, __LINE__))

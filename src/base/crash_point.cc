#include "base/crash_point.h"

#ifdef TORC_CRASH_POINTS

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>

namespace torc {

void pass_crash_point(const char* name) {
    static const char* wanted = std::getenv("TORC_CRASH_AT");
    if (wanted == nullptr) return;
    const char* colon = std::strchr(wanted, ':');
    const size_t length = colon != nullptr ? static_cast<size_t>(colon - wanted) : std::strlen(wanted);
    if (std::strlen(name) != length || std::strncmp(name, wanted, length) != 0) return;
    static std::atomic<long> passed{0};
    const long at = colon != nullptr ? std::atol(colon + 1) : 1;
    if (passed.fetch_add(1) + 1 == at) kill(getpid(), SIGKILL);
}

}  // namespace torc

#endif

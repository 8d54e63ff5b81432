#include "base/secure_random.h"

#include <sys/random.h>

#include <cerrno>

#include "base/check.h"

namespace torc {

void fill_secure_random(std::span<std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t filled = ::getrandom(bytes.data(), bytes.size(), 0);
        TORC_CHECK(filled >= 0 || errno == EINTR);
        if (filled > 0) bytes = bytes.subspan(static_cast<size_t>(filled));
    }
}

}  // namespace torc

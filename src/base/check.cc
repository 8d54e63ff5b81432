#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace torc {

void check_failed(const char* condition, const char* file, int line) {
    std::fprintf(stderr, "torc: internal check failed: %s at %s:%d\n", condition, file, line);
    std::fflush(stderr);
    std::abort();
}

}  // namespace torc

#include "base/allocator.h"

#include <fmt/format.h>
#include <malloc.h>

#include <cstddef>

// Weak, so that one binary's sources serve any choice of TORC_ALLOCATOR: what isn't linked is null.
extern "C" {
__attribute__((weak)) int mi_version(void);
__attribute__((weak)) void mi_collect(bool force);
__attribute__((weak)) int mallctl(const char* name, void* old_value, size_t* old_size, void* value, size_t size);
}

namespace torc {

std::string allocator_name() {
    if (mi_version != nullptr) {
        const int version = mi_version();
        return fmt::format("mimalloc-{}.{}.{}", version / 100, version / 10 % 10, version % 10);
    }
    if (mallctl != nullptr) {
        const char* version = nullptr;
        size_t size = sizeof version;
        if (mallctl("version", &version, &size, nullptr, 0) == 0 && version != nullptr)
            return "jemalloc-" + std::string(version).substr(0, std::string(version).find('-'));
    }
    return "libc";
}

void release_free_memory() {
    if (mi_collect != nullptr)
        mi_collect(true);
    else if (mallctl != nullptr)
        mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0);  // 4096: MALLCTL_ARENAS_ALL
    else
        malloc_trim(0);
}

}  // namespace torc

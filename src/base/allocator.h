// Which allocator the process was linked with, and asking it to give memory back. Any thread.
#pragma once

#include <string>

namespace torc {

/// "mimalloc-2.0.9", "jemalloc-5.3.0" or "libc".
std::string allocator_name();

/// Gives free memory back to the system, as far as the allocator can.
void release_free_memory();

}  // namespace torc

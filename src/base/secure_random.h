// Random bytes that nobody can foretell, from the kernel: nonces and passwords. Everything else draws from an
// Rng (rng.h), which a test can seed.
#pragma once

#include <cstddef>
#include <span>

namespace torc {

void fill_secure_random(std::span<std::byte> bytes);

}  // namespace torc

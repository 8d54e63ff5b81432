// SHA-256 (FIPS 180-4), in the hexadecimal form in which Redis shows the hash of a password.
#pragma once

#include <string>
#include <string_view>

namespace torc {

/// 64 lower-case digits.
std::string sha256_hex(std::string_view bytes);

}  // namespace torc

// Little-endian fixed-width integers, read and written at any alignment. Every format of ours on disk and on
// the wire uses these.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

namespace torc {

static_assert(std::endian::native == std::endian::little,
              "formats are little-endian; add byte swaps here first");

template <class T>
T load_le(const void* from) {
    static_assert(std::is_integral_v<T>);
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

template <class T>
void store_le(void* to, T value) {
    static_assert(std::is_integral_v<T>);
    std::memcpy(to, &value, sizeof value);
}

template <class T>
void append_le(std::string& to, T value) {
    char bytes[sizeof value];
    store_le(bytes, value);
    to.append(bytes, sizeof bytes);
}

}  // namespace torc

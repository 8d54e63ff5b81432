// Result<T>: what a call that the world can defeat returns.
//
// Two kinds of wrong are kept apart in Torc: a Result for what disks, peers and users do, whose message names
// the file, the place or the peer; and TORC_CHECK (check.h) for what only we can do wrong.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace torc {

enum class ErrorKind : uint8_t {
    invalid,    // malformed input: a directive, an argument, a payload
    not_found,  // a file or an entry that isn't there
    exists,     // a file that must not be there yet
    io,         // EIO and its kin: the device failed
    no_space,   // ENOSPC, EDQUOT: may clear itself
    corrupt,    // bytes that fail their checksum or their format
    busy,       // held by another process
    refused,    // a bound or a state forbids it for now
};

struct Error {
    ErrorKind kind = ErrorKind::invalid;
    std::string message;
};

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorKind kind, std::string message) {
    return std::unexpected<Error>(Error{kind, std::move(message)});
}

/// For passing another Result's error on: `if (!r) return fail(r.error());`
inline std::unexpected<Error> fail(const Error& error) {
    return std::unexpected<Error>(error);
}

}  // namespace torc

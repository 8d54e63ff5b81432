// Reads client requests from a stream of bytes that may be cut anywhere: arrays of bulk strings, and inline
// commands (words on a line). Arguments are views into the input; nothing is copied. The escapes of a quoted
// inline argument are resolved in place, where the input lies.
//
// Use: call parse() on what is unread, from the first byte of the next request on; drop `consumed` bytes from
// the front whatever the status (by moving on in the same buffer while a batch of requests is collected:
// earlier arguments stay valid as long as the bytes stay put). After `incomplete` call again with the same
// bytes and more behind them; the buffer may have moved. The parser remembers how far it got, so a request
// that arrives in n pieces costs no more than one that arrives whole.
//
// After `error` the connection is beyond repair: send error() and close.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace torc {

struct ParseLimits {
    int64_t max_bulk_bytes = 512LL << 20;  // proto-max-bulk-len
    /// Before AUTH a client may send only short requests, lest strangers make the server buffer much.
    bool authenticated = true;
};

enum class ParseStatus : uint8_t { command, incomplete, error };

struct ParseResult {
    ParseStatus status;
    size_t consumed;  // the command's bytes and those of empty requests before it, which are skipped
    /// The command was an inline one: its quotes are resolved, so its bytes must not be parsed again.
    bool was_inline = false;
};

class RequestParser {
  public:
    static constexpr size_t kMaxLineBytes = 64 << 10;
    static constexpr int64_t kMaxArguments = 2147483647;
    static constexpr int64_t kMaxArgumentsUnauthenticated = 10;
    static constexpr int64_t kMaxBulkBytesUnauthenticated = 16384;

    /// Appends the arguments of one command (at least one) to `args` when the status is `command`; else
    /// leaves `args` as it was.
    ParseResult parse(std::span<char> input, const ParseLimits& limits, std::vector<std::string_view>& args);

    /// After `incomplete`: how many bytes, counted from the pending request's first, the input must hold at
    /// least before parse() can get any further. Lets the session make room for a big argument once.
    size_t needed() const { return needed_; }

    /// The whole error line without `-`, after `error`.
    const std::string& error() const { return error_; }

    /// Is part of a request waiting for the rest of it?
    bool pending() const { return pending_; }

  private:
    enum class Step : uint8_t { done, incomplete, error };

    bool parse_whole(std::span<char>& rest, const ParseLimits& limits, std::vector<std::string_view>& args);
    Step parse_array(std::span<char> input, const ParseLimits& limits);
    Step parse_inline(std::span<char> input, std::vector<std::string_view>& args);
    Step read_header(std::string_view input, std::string_view too_long, std::string_view& digits);
    Step wait_for(size_t bytes);
    Step fail(std::string_view what);
    void reset();

    // The pending request; offsets count from its first byte.
    bool pending_ = false;
    bool counted_ = false;     // the array's header has been read
    int64_t missing_ = 0;      // bulks not read yet
    int64_t bulk_bytes_ = -1;  // of the bulk whose header has been read; -1: header comes next
    size_t at_ = 0;            // the next header or bulk
    size_t searched_ = 0;      // no line end before this
    std::vector<std::pair<size_t, size_t>> parts_;  // offset and size of the bulks that are here

    size_t needed_ = 1;
    std::string error_;
};

}  // namespace torc

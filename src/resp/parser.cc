#include "resp/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "resp/inline_words.h"
#include "resp/number.h"

namespace torc {
namespace {

// Offsets of a huge request aren't kept for the next one.
constexpr size_t kKeptParts = 1024;

// Reads the usual form of a header's number, up to nine digits and CRLF, and returns where the next thing
// begins. Null when it isn't that, or not all here: the careful path finds out which.
inline char* read_count(char* at, char* end, int64_t& value) {
    if (end - at < 3) return nullptr;
    const auto first = static_cast<unsigned char>(*at - '0');
    if (first > 9) return nullptr;
    if (at[1] == '\r') {
        value = first;
        return at + 3;
    }
    if (first == 0) return nullptr;
    uint32_t number = first;
    char* const limit = std::min(end - 1, at + 9);
    for (++at; at < limit; ++at) {
        const auto digit = static_cast<unsigned char>(*at - '0');
        if (digit > 9) break;
        number = number * 10 + digit;
    }
    if (end - at < 2 || *at != '\r') return nullptr;
    value = number;
    return at + 2;
}

}  // namespace

// The hot loop: a command that lies in the input as a whole, written as every client library writes it.
// Anything else is left to parse_array(), from the start.
inline bool RequestParser::parse_whole(std::span<char>& rest, const ParseLimits& limits,
                                       std::vector<std::string_view>& args) {
    char* const end = rest.data() + rest.size();
    int64_t count = 0;
    char* at = read_count(rest.data() + 1, end, count);
    if (at == nullptr || count == 0) return false;
    if (!limits.authenticated && count > kMaxArgumentsUnauthenticated) return false;
    const int64_t max_bulk = limits.authenticated
                                 ? limits.max_bulk_bytes
                                 : std::min(limits.max_bulk_bytes, kMaxBulkBytesUnauthenticated);
    const size_t before = args.size();
    for (; count > 0; --count) {
        int64_t size = 0;
        char* bulk = nullptr;
        if (at != end && *at == '$') bulk = read_count(at + 1, end, size);
        if (bulk == nullptr || size > max_bulk || end - bulk < size + 2) {
            args.resize(before);
            return false;
        }
        args.emplace_back(bulk, static_cast<size_t>(size));
        at = bulk + size + 2;
    }
    rest = {at, end};
    return true;
}

ParseResult RequestParser::parse(std::span<char> input, const ParseLimits& limits,
                                 std::vector<std::string_view>& args) {
    std::span<char> rest = input;
    const auto consumed = [&] { return input.size() - rest.size(); };
    for (;;) {
        if (rest.empty()) {
            needed_ = 1;
            return {ParseStatus::incomplete, consumed()};
        }
        const bool array = rest[0] == '*';
        if (array && !pending_ && parse_whole(rest, limits, args)) return {ParseStatus::command, consumed()};

        const size_t before = args.size();
        const Step step = array ? parse_array(rest, limits) : parse_inline(rest, args);
        if (step == Step::error) return {ParseStatus::error, consumed()};
        if (step == Step::incomplete) return {ParseStatus::incomplete, consumed()};
        for (const auto& [offset, size] : parts_) args.emplace_back(rest.data() + offset, size);
        rest = rest.subspan(at_);
        reset();
        if (args.size() != before) return {ParseStatus::command, consumed(), !array};
    }
}

RequestParser::Step RequestParser::parse_array(std::span<char> input, const ParseLimits& limits) {
    const std::string_view bytes(input.data(), input.size());
    std::string_view digits;
    if (!counted_) {
        const Step step = read_header(bytes, "too big mbulk count string", digits);
        if (step != Step::done) return step;
        const auto count = parse_integer(digits);
        if (!count || *count > kMaxArguments) return fail("invalid multibulk length");
        if (!limits.authenticated && *count > kMaxArgumentsUnauthenticated)
            return fail("unauthenticated multibulk length");
        counted_ = true;
        missing_ = *count;
    }
    for (; missing_ > 0; --missing_) {
        if (bulk_bytes_ < 0) {
            const size_t header = at_;
            const Step step = read_header(bytes, "too big bulk count string", digits);
            if (step != Step::done) return step;
            if (bytes[header] != '$') return fail(fmt::format("expected '$', got '{}'", bytes[header]));
            const auto size = parse_integer(digits);
            if (!size || *size < 0 || *size > limits.max_bulk_bytes) return fail("invalid bulk length");
            if (!limits.authenticated && *size > kMaxBulkBytesUnauthenticated)
                return fail("unauthenticated bulk length");
            bulk_bytes_ = *size;
        }
        const auto size = static_cast<size_t>(bulk_bytes_);
        if (bytes.size() - at_ < size + 2) return wait_for(at_ + size + 2);
        parts_.emplace_back(at_, size);
        at_ += size + 2;
        searched_ = at_;
        bulk_bytes_ = -1;
    }
    return Step::done;
}

// Finds the end of the header at at_, sets `digits` to what is between its first byte and its line end, and
// moves at_ behind it. What follows the CR is taken for LF unseen, as in Redis.
RequestParser::Step RequestParser::read_header(std::string_view input, std::string_view too_long,
                                               std::string_view& digits) {
    const size_t from = std::max(searched_, at_);
    const size_t line_end = std::min(input.find('\r', from), input.size());
    if (line_end - at_ > kMaxLineBytes) return fail(too_long);
    if (line_end == input.size()) {
        searched_ = line_end;
        return wait_for(line_end + 1);
    }
    if (input.size() - line_end < 2) {
        searched_ = line_end;
        return wait_for(line_end + 2);
    }
    // A CR in place of the `$` leaves no digits at all.
    digits = line_end > at_ ? input.substr(at_ + 1, line_end - at_ - 1) : std::string_view();
    at_ = line_end + 2;
    searched_ = at_;
    return Step::done;
}

RequestParser::Step RequestParser::parse_inline(std::span<char> input, std::vector<std::string_view>& args) {
    const std::string_view bytes(input.data(), input.size());
    const size_t line_end = std::min(bytes.find('\n', searched_), bytes.size());
    if (line_end > kMaxLineBytes) return fail("too big inline request");
    if (line_end == bytes.size()) {
        searched_ = line_end;
        return wait_for(line_end + 1);
    }
    if (!split_inline_words(input.first(line_end), args)) return fail("unbalanced quotes in request");
    at_ = line_end + 1;
    return Step::done;
}

RequestParser::Step RequestParser::wait_for(size_t bytes) {
    pending_ = true;
    needed_ = bytes;
    return Step::incomplete;
}

RequestParser::Step RequestParser::fail(std::string_view what) {
    error_ = fmt::format("ERR Protocol error: {}", what);
    return Step::error;
}

void RequestParser::reset() {
    pending_ = counted_ = false;
    missing_ = 0;
    bulk_bytes_ = -1;
    at_ = searched_ = 0;
    parts_.clear();
    if (parts_.capacity() > kKeptParts) parts_.shrink_to_fit();
}

}  // namespace torc

#include "resp/reply.h"

#include <cstring>

#include "resp/number.h"

namespace torc {
namespace {

// Kind, number, CR and LF. Most headers are of one or two digits.
constexpr size_t kMaxHeader = 1 + kMaxIntegerChars + 2;

inline char* write_header(char* to, char kind, int64_t number) {
    *to++ = kind;
    if (static_cast<uint64_t>(number) < 10) {
        *to++ = static_cast<char>('0' + number);
    } else if (static_cast<uint64_t>(number) < 100) {
        *to++ = static_cast<char>('0' + number / 10);
        *to++ = static_cast<char>('0' + number % 10);
    } else {
        to += format_integer(to, number);
    }
    *to++ = '\r';
    *to++ = '\n';
    return to;
}

inline char* write_bytes(char* to, std::string_view bytes) {
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    return to + bytes.size();
}

}  // namespace

void ReplyWriter::header(char kind, int64_t number) {
    char* const start = out_.prepare(kMaxHeader);
    out_.commit(static_cast<size_t>(write_header(start, kind, number) - start));
}

void ReplyWriter::insert_header(size_t mark, char kind, size_t count) {
    char bytes[kMaxHeader];
    const size_t length = static_cast<size_t>(write_header(bytes, kind, static_cast<int64_t>(count)) - bytes);
    const size_t body = out_.size() - mark;
    out_.prepare(length);
    char* const at = out_.data() + mark;
    std::memmove(at + length, at, body);
    std::memcpy(at, bytes, length);
    out_.commit(length);
}

void ReplyWriter::simple(std::string_view text) {
    char* const start = out_.prepare(text.size() + 3);
    char* to = start;
    *to++ = '+';
    to = write_bytes(to, text);
    to = write_bytes(to, "\r\n");
    out_.commit(static_cast<size_t>(to - start));
}

void ReplyWriter::ok() {
    std::memcpy(out_.prepare(5), "+OK\r\n", 5);
    out_.commit(5);
}

void ReplyWriter::error(std::string_view text) {
    ++errors_;
    while (!text.empty() && (text.back() == '\r' || text.back() == '\n')) text.remove_suffix(1);
    char* const start = out_.prepare(text.size() + 3);
    char* to = start;
    *to++ = '-';
    for (const char c : text) *to++ = c == '\r' || c == '\n' ? ' ' : c;
    to = write_bytes(to, "\r\n");
    out_.commit(static_cast<size_t>(to - start));
}

void ReplyWriter::integer(int64_t value) {
    header(':', value);
}

void ReplyWriter::bulk(std::string_view bytes) {
    char* const start = out_.prepare(kMaxHeader + bytes.size() + 2);
    char* to = write_header(start, '$', static_cast<int64_t>(bytes.size()));
    to = write_bytes(to, bytes);
    *to++ = '\r';
    *to++ = '\n';
    out_.commit(static_cast<size_t>(to - start));
}

void ReplyWriter::bulk_integer(int64_t value) {
    char digits[kMaxIntegerChars];
    bulk({digits, format_integer(digits, value)});
}

void ReplyWriter::null() {
    out_.append(resp3() ? "_\r\n" : "$-1\r\n");
}
void ReplyWriter::null_array() {
    out_.append(resp3() ? "_\r\n" : "*-1\r\n");
}
void ReplyWriter::array(size_t count) {
    header('*', static_cast<int64_t>(count));
}

void ReplyWriter::map(size_t pairs) {
    resp3() ? header('%', static_cast<int64_t>(pairs)) : header('*', static_cast<int64_t>(pairs) * 2);
}

void ReplyWriter::set(size_t count) {
    header(resp3() ? '~' : '*', static_cast<int64_t>(count));
}
void ReplyWriter::push(size_t count) {
    header(resp3() ? '>' : '*', static_cast<int64_t>(count));
}

void ReplyWriter::boolean(bool value) {
    if (resp3())
        out_.append(value ? "#t\r\n" : "#f\r\n");
    else
        integer(value);
}

void ReplyWriter::double_(double value) {
    char digits[kMaxDoubleChars];
    const std::string_view text(digits, format_double(digits, value));
    if (!resp3()) return bulk(text);
    out_.push_back(',');
    out_.append(text);
    out_.append("\r\n");
}

void ReplyWriter::big_number(std::string_view digits) {
    if (!resp3()) return bulk(digits);
    out_.push_back('(');
    out_.append(digits);
    out_.append("\r\n");
}

void ReplyWriter::verbatim(std::string_view kind, std::string_view text) {
    if (!resp3()) return bulk(text);
    header('=', static_cast<int64_t>(text.size() + 4));
    out_.append(kind);
    out_.push_back(':');
    out_.append(text);
    out_.append("\r\n");
}

void ReplyWriter::end_deferred_map(size_t mark, size_t pairs) {
    resp3() ? insert_header(mark, '%', pairs) : insert_header(mark, '*', pairs * 2);
}

}  // namespace torc

#include "reply.h"

#include <charconv>

#include "words.h"

namespace redis_tests {

namespace {

bool parse_length(std::string_view text, long long& value) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

bool is_aggregate(char type) {
    return type == '*' || type == '%' || type == '~' || type == '>' || type == '|';
}

std::string to_text(const Reply& reply) {
    if (reply.type == Reply::kEvent) return "(" + reply.text + ")";
    if (reply.null) return std::string(1, reply.type) + "nil";
    if (reply.type == '$' || reply.type == '=') return reply.type + quoted(reply.text);
    if (!is_aggregate(reply.type)) return reply.type + escaped(reply.text);

    const bool pairs = reply.type == '%' || reply.type == '|';
    std::string out(1, reply.type);
    out += pairs ? '{' : '[';
    for (size_t i = 0; i < reply.items.size(); ++i) {
        if (i > 0) out += pairs && i % 2 == 1 ? ": " : ", ";
        out += to_text(reply.items[i]);
    }
    out += pairs ? '}' : ']';
    return out;
}

std::optional<Reply> ReplyReader::next() {
    size_t position = 0;
    Reply reply;
    switch (read(position, reply)) {
        case Progress::incomplete:
            return std::nullopt;
        case Progress::malformed:
            return Reply::event("garbage " + quoted(std::string_view(buffer_).substr(0, 60)));
        case Progress::whole:
            break;
    }
    buffer_.erase(0, position);
    return reply;
}

ReplyReader::Progress ReplyReader::read_line(size_t& position, std::string_view& line) const {
    const size_t end = buffer_.find("\r\n", position);
    if (end == std::string::npos) return Progress::incomplete;
    line = std::string_view(buffer_).substr(position, end - position);
    position = end + 2;
    return Progress::whole;
}

ReplyReader::Progress ReplyReader::read(size_t& position, Reply& reply) const {
    if (position >= buffer_.size()) return Progress::incomplete;
    const char type = buffer_[position];
    if (std::string_view("+-:$*_#,(!=%~>|").find(type) == std::string_view::npos) return Progress::malformed;
    std::string_view line;
    size_t at = position + 1;
    if (auto p = read_line(at, line); p != Progress::whole) return p;
    reply.type = type;

    const bool blob = type == '$' || type == '!' || type == '=';
    if (!blob && !is_aggregate(type)) {
        reply.text = line;
        position = at;
        return Progress::whole;
    }

    long long length = 0;
    if (!parse_length(line, length) || length < -1) return Progress::malformed;
    if (length == -1) {
        if (type != '$' && type != '*') return Progress::malformed;
        reply.null = true;
        position = at;
        return Progress::whole;
    }
    if (blob) {
        const size_t size = static_cast<size_t>(length);
        if (buffer_.size() - at < size + 2) return Progress::incomplete;
        if (buffer_.compare(at + size, 2, "\r\n") != 0) return Progress::malformed;
        if (type == '!') reply.type = '-';
        reply.text = buffer_.substr(at, size);
        position = at + size + 2;
        return Progress::whole;
    }
    const long long count = type == '%' || type == '|' ? length * 2 : length;
    for (long long i = 0; i < count; ++i) {
        Reply item;
        if (auto p = read(at, item); p != Progress::whole) return p;
        reply.items.push_back(std::move(item));
    }
    position = at;
    return Progress::whole;
}

}  // namespace redis_tests

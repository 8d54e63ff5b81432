// One reply of a RESP2 or RESP3 server, as plain data, and a reader that turns bytes into replies.
//
// It shares nothing with the server under test on purpose: a misreading that both had would hide a fault.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace redis_tests {

/// `type` is the RESP type byte; a blob error becomes '-'. kEvent marks what happened instead of a reply
/// (connection closed, nothing came in time, bytes that are no RESP).
struct Reply {
    static constexpr char kEvent = '?';

    char type = kEvent;
    bool null = false;         // RESP2's $-1 and *-1; RESP3's null has type '_'
    std::string text;          // scalars
    std::vector<Reply> items;  // aggregates; a map holds key, value, key, value ...

    static Reply event(std::string what) { return {kEvent, false, std::move(what), {}}; }
    bool operator==(const Reply&) const = default;
};

bool is_aggregate(char type);

/// One line that shows every difference that RESP can express: +OK  $"OK"  :1  *[:1, $nil]  %{$"k": :1}.
std::string to_text(const Reply& reply);

class ReplyReader {
  public:
    void feed(std::string_view bytes) { buffer_.append(bytes); }

    /// The next whole reply; nullopt when more bytes are needed. After malformed bytes: an event "garbage
    /// ...", again and again.
    std::optional<Reply> next();

  private:
    enum class Progress { whole, incomplete, malformed };

    Progress read(size_t& position, Reply& reply) const;
    Progress read_line(size_t& position, std::string_view& line) const;

    std::string buffer_;
};

}  // namespace redis_tests

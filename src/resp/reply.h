// Writes replies in RESP2 or RESP3 into a buffer. The same calls serve both: in RESP2 a map becomes a flat
// array, a set an array, a double a bulk string, a boolean an integer, null a null bulk, a push an array, as
// Redis 7 does it. Thread rule: one thread at a time. Never fails; what bounds the buffer is the session's
// output limit.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/buffer.h"

namespace torc {

class ReplyWriter {
  public:
    explicit ReplyWriter(Buffer& out, int protocol = 2) : out_(out), protocol_(protocol) {}

    int protocol() const { return protocol_; }
    void set_protocol(int protocol) { protocol_ = protocol; }
    bool resp3() const { return protocol_ == 3; }

    void simple(std::string_view text);  // +text
    void ok();                           // +OK
    /// `-text`: the text carries its own code ("ERR syntax error"). CR and LF inside become spaces.
    void error(std::string_view text);
    void integer(int64_t value);
    void bulk(std::string_view bytes);
    void bulk_integer(int64_t value);  // a number as a bulk string
    void null();                       // RESP2: $-1, RESP3: _
    void null_array();                 // RESP2: *-1, RESP3: _
    void array(size_t count);
    void map(size_t pairs);
    void set(size_t count);
    void push(size_t count);
    void boolean(bool value);
    void double_(double value);  // RESP2: bulk of the shortest form that reads back, as Redis prints it
    void big_number(std::string_view digits);
    /// RESP3: =len\r\ntxt:..., RESP2: bulk. `kind` has three letters.
    void verbatim(std::string_view kind, std::string_view text);
    void raw(std::string_view bytes) { out_.append(bytes); }

    /// A header whose count isn't known yet: writes nothing now; end_array() puts the header in front of what
    /// was written since. For replies that are built while walking.
    size_t begin_deferred() const { return out_.size(); }
    void end_deferred_array(size_t mark, size_t count) { insert_header(mark, '*', count); }
    void end_deferred_map(size_t mark, size_t pairs);
    void end_deferred_set(size_t mark, size_t count) { insert_header(mark, resp3() ? '~' : '*', count); }

    /// Where the next byte goes, and going back there: to discard what a command wrote.
    size_t position() const { return out_.size(); }
    void rewind(size_t position) { out_.truncate(position); }
    Buffer& buffer() { return out_; }

    /// Number of error() calls so far: lets the caller see that a command failed.
    uint64_t errors() const { return errors_; }

  private:
    void header(char kind, int64_t number);
    void insert_header(size_t mark, char kind, size_t count);

    Buffer& out_;
    int protocol_;
    uint64_t errors_ = 0;
};

}  // namespace torc

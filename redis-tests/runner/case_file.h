// The text form of the cases.
//
//   # a comment
//   === set: a name, unique over all files
//   % proto 2                     play the case in RESP2 only (2, 3 or both; both is the default)
//   SET k "a value"               send on connection 1 to both servers, compare the replies
//   @2 [number~2] TTL k           connection 2, another comparison (see comparison.h)
//   % raw "*1\r\n$4\r\n" "PING"   send these bytes, read nothing
//   % send GET k                  send a command, read nothing
//   % repeat 1000 INCR k          send it so many times, read nothing
//   % reply [digits]              read and compare one more reply (a push, or one of a pipeline)
//   % replies 1000                read and compare so many
//   % closed                      both servers must have closed the connection
//   % wait :0 EXISTS k            ask each server until its reply reads so
//   % transfer k                  DUMP k on each server and RESTORE it on the other; compare the values
//   % scan MATCH a* COUNT 3       a whole SCAN walk; compare the sets of elements
//
// `@name` and a comparison may also stand between % and the directive's word.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "comparison.h"

namespace redis_tests {

struct Step {
    enum class Kind { command, send, raw, replies, closed, wait, transfer, scan };

    Kind kind = Kind::command;
    std::string connection = "1";
    Comparison comparison;
    std::vector<std::string> words;  // the command; the keys of `transfer`; the options of `scan`
    std::string text;                // the bytes of `raw`, the awaited text of `wait`
    int count = 1;                   // of `replies`, and of `send` under `repeat`
    std::string source;              // the line as written
    int line = 0;
};

struct Case {
    std::string name;
    std::string file;
    std::vector<int> protos = {2, 3};
    std::vector<Step> steps;
};

/// One line of a case that is neither empty, a comment, a name nor `% proto`.
std::expected<Step, std::string> parse_step(std::string_view line);

/// All cases of one file. The error names file and line.
std::expected<std::vector<Case>, std::string> parse_cases(std::string_view text, const std::string& file);

}  // namespace redis_tests

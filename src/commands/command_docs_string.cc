// What COMMAND DOCS tells about the commands on strings. The arguments' notation: command_docs.h.
#include "commands/command_docs.h"

namespace torc {
namespace {

// clang-format off
constexpr CommandDoc kDocs[] = {
    {.name = "append",
     .summary = "Adds bytes to the end of a string, which is made when the key doesn't exist.",
     .since = "2.0.0",
     .complexity = "O(1). The amortized time complexity is O(1) assuming the appended value is small "
                   "and the already present value is of any size, since the dynamic string library "
                   "used by Redis will double the free space available on every reallocation.",
     .arguments = "key:key@0 value"},
    {.name = "decr",
     .summary = "Takes one off the integer that a key holds; a missing key counts as 0.",
     .since = "1.0.0",
     .complexity = "O(1)",
     .arguments = "key:key@0"},
    {.name = "decrby",
     .summary = "Takes a number off the integer that a key holds; a missing key counts as 0.",
     .since = "1.0.0",
     .complexity = "O(1)",
     .arguments = "key:key@0 decrement:integer"},
    {.name = "get",
     .summary = "Tells the string that a key holds.",
     .since = "1.0.0",
     .complexity = "O(1)",
     .arguments = "key:key@0"},
    {.name = "getdel",
     .summary = "Tells the string that a key holds, and deletes the key.",
     .since = "6.2.0",
     .complexity = "O(1)",
     .arguments = "key:key@0"},
    {.name = "getex",
     .summary = "Tells the string that a key holds, and changes when it expires.",
     .since = "6.2.0",
     .complexity = "O(1)",
     .arguments = "key:key@0 expiration:oneof?(seconds:integer=EX milliseconds:integer=PX "
                  "unix-time-seconds:unix-time=EXAT unix-time-milliseconds:unix-time=PXAT persist!)"},
    {.name = "getrange",
     .summary = "Tells a part of the string that a key holds.",
     .since = "2.4.0",
     .complexity = "O(N) where N is the length of the returned string. The complexity is ultimately "
                   "determined by the returned length, but because creating a substring from an "
                   "existing string is very cheap, it can be considered O(1) for small strings.",
     .arguments = "key:key@0 start:integer end:integer"},
    {.name = "getset",
     .summary = "Puts a new string into a key and tells the one before.",
     .since = "1.0.0",
     .complexity = "O(1)",
     .arguments = "key:key@0 value",
     .deprecated_since = "6.2.0",
     .replaced_by = "`SET` with the `!GET` argument"},
    {.name = "incr",
     .summary = "Adds one to the integer that a key holds; a missing key counts as 0.",
     .since = "1.0.0",
     .complexity = "O(1)",
     .arguments = "key:key@0"},
    {.name = "incrby",
     .summary = "Adds a number to the integer that a key holds; a missing key counts as 0.",
     .since = "1.0.0",
     .complexity = "O(1)",
     .arguments = "key:key@0 increment:integer"},
    {.name = "incrbyfloat",
     .summary = "Adds a floating point number to the one that a key holds; a missing key counts as 0.",
     .since = "2.6.0",
     .complexity = "O(1)",
     .arguments = "key:key@0 increment:double"},
    {.name = "lcs",
     .summary = "Finds the longest subsequence that two strings have in common.",
     .since = "7.0.0",
     .complexity = "O(N*M) where N and M are the lengths of s1 and s2, respectively",
     .arguments = "key1:key@0 key2:key@0 len!? idx!? len:integer=MINMATCHLEN? withmatchlen!?"},
    {.name = "mget",
     .summary = "Tells the strings of several keys at once.",
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of keys to retrieve.",
     .arguments = "key:key@0*",
     .tips = "request_policy:multi_shard"},
    {.name = "mset",
     .summary = "Puts strings into several keys at once, all or none of which others see.",
     .since = "1.0.1",
     .complexity = "O(N) where N is the number of keys to set.",
     .arguments = "key_value:block*(key:key@0 value)",
     .tips = "request_policy:multi_shard response_policy:all_succeeded"},
    {.name = "msetnx",
     .summary = "Puts strings into several keys at once, but only when none of them exists.",
     .since = "1.0.1",
     .complexity = "O(N) where N is the number of keys to set.",
     .arguments = "key_value:block*(key:key@0 value)",
     .tips = "request_policy:multi_shard response_policy:agg_min"},
    {.name = "psetex",
     .summary = "Puts a string into a key that expires after so many milliseconds. The key may exist.",
     .since = "2.6.0",
     .complexity = "O(1)",
     .arguments = "key:key@0 milliseconds:integer value"},
    {.name = "set",
     .summary = "Puts a string into a key, whatever it held, with conditions and expiry as options.",
     .since = "1.0.0",
     .complexity = "O(1)",
     .arguments = "key:key@0 value condition:oneof?+2.6.12(nx! xx!) get!?+6.2.0 "
                  "expiration:oneof?(seconds:integer=EX+2.6.12 milliseconds:integer=PX+2.6.12 "
                  "unix-time-seconds:unix-time=EXAT+6.2.0 "
                  "unix-time-milliseconds:unix-time=PXAT+6.2.0 keepttl!+6.0.0)",
     .history = "2.6.12 Added the `EX`, `PX`, `NX` and `XX` options.\n"
                "6.0.0 Added the `KEEPTTL` option.\n"
                "6.2.0 Added the `GET`, `EXAT` and `PXAT` option.\n"
                "7.0.0 Allowed the `NX` and `GET` options to be used together."},
    {.name = "setex",
     .summary = "Puts a string into a key that expires after so many seconds. The key may exist.",
     .since = "2.0.0",
     .complexity = "O(1)",
     .arguments = "key:key@0 seconds:integer value"},
    {.name = "setnx",
     .summary = "Puts a string into a key that doesn't exist yet.",
     .since = "1.0.0",
     .complexity = "O(1)",
     .arguments = "key:key@0 value"},
    {.name = "setrange",
     .summary = "Overwrites a part of a string from an offset on, filling a gap with zero bytes.",
     .since = "2.2.0",
     .complexity = "O(1), not counting the time taken to copy the new string in place. Usually, this "
                   "string is very small so the amortized complexity is O(1). Otherwise, complexity "
                   "is O(M) with M being the length of the value argument.",
     .arguments = "key:key@0 offset:integer value"},
    {.name = "strlen",
     .summary = "Tells how many bytes the string of a key has.",
     .since = "2.2.0",
     .complexity = "O(1)",
     .arguments = "key:key@0"},
    {.name = "substr",
     .summary = "Tells a part of the string that a key holds.",
     .since = "1.0.0",
     .complexity = "O(N) where N is the length of the returned string. The complexity is ultimately "
                   "determined by the returned length, but because creating a substring from an "
                   "existing string is very cheap, it can be considered O(1) for small strings.",
     .arguments = "key:key@0 start:integer end:integer",
     .deprecated_since = "2.0.0",
     .replaced_by = "`GETRANGE`"},
};
// clang-format on

}  // namespace

std::span<const CommandDoc> string_docs() {
    return kDocs;
}

}  // namespace torc

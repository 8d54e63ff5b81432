// What COMMAND DOCS tells about the commands on bitmaps. The arguments' notation: command_docs.h.
#include "commands/command_docs.h"

namespace torc {
namespace {

// clang-format off
constexpr CommandDoc kDocs[] = {
    {.name = "bitcount",
     .summary = "Counts the bits that are set in a string.",
     .since = "2.6.0",
     .complexity = "O(N)",
     .arguments = "key:key@0 index:block?(start:integer end:integer index_unit:oneof?+7.0.0(byte! "
                  "bit!))",
     .history = "7.0.0 Added the `BYTE|BIT` option."},
    {.name = "bitfield",
     .summary = "Reads and writes integers of any width at any bit of a string.",
     .since = "3.2.0",
     .complexity = "O(1) for each subcommand specified",
     .arguments = "key:key@0 operation:oneof?*(encoding_offset:block=GET(encoding offset:integer) "
                  "write:block(wrap_sat_fail:oneof=OVERFLOW?(wrap! sat! fail!) "
                  "write_operation:oneof(encoding_offset_value:block=SET(encoding offset:integer "
                  "value:integer) encoding_offset_increment:block=INCRBY(encoding offset:integer "
                  "increment:integer))))"},
    {.name = "bitfield_ro",
     .summary = "Reads integers of any width at any bit of a string.",
     .since = "6.0.0",
     .complexity = "O(1) for each subcommand specified",
     .arguments = "key:key@0 encoding_offset:block=GET?**(encoding offset:integer)"},
    {.name = "bitop",
     .summary = "Combines strings bit by bit and keeps the outcome in a key.",
     .since = "2.6.0",
     .complexity = "O(N)",
     .arguments = "operation:oneof(and! or! xor! not!) destkey:key@0 key:key@1*"},
    {.name = "bitpos",
     .summary = "Finds the first bit of a string that is set or clear.",
     .since = "2.8.7",
     .complexity = "O(N)",
     .arguments = "key:key@0 bit:integer index:block?(start:integer end_index:block?(end:integer "
                  "index_unit:oneof?+7.0.0(byte! bit!)))",
     .history = "7.0.0 Added the `BYTE|BIT` option."},
    {.name = "getbit",
     .summary = "Tells the bit at an offset of a string.",
     .since = "2.2.0",
     .complexity = "O(1)",
     .arguments = "key:key@0 offset:integer"},
    {.name = "setbit",
     .summary = "Sets or clears the bit at an offset of a string, which grows as needed.",
     .since = "2.2.0",
     .complexity = "O(1)",
     .arguments = "key:key@0 offset:integer value:integer"},
};
// clang-format on

}  // namespace

std::span<const CommandDoc> bitmap_docs() {
    return kDocs;
}

}  // namespace torc

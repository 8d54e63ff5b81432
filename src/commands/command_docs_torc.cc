// What COMMAND DOCS tells about the commands that only Torc has. The arguments' notation: command_docs.h.
#include "commands/command_docs.h"

namespace torc {
namespace {

// clang-format off
constexpr CommandDoc kDocs[] = {
    {.name = "torc.drain",
     .summary = "Moves everything that this node holds to the others and takes it out of the ring.",
     .since = "7.2.4",
     .complexity = "O(1); the move goes on in the background"},
    {.name = "torc.get",
     .summary = "Gets a context token and all values that concurrent writes left.",
     .since = "7.2.4",
     .complexity = "O(N) where N is the number of values",
     .arguments = "key:key@0"},
    {.name = "torc.members",
     .summary = "Tells all that this node knows of each node.",
     .since = "7.2.4",
     .complexity = "O(N) where N is the number of nodes",
     .tips = "nondeterministic_output"},
    {.name = "torc.repair",
     .summary = "Compares slots with their other replicas, exchanges what differs, and tells the hashes.",
     .since = "7.2.4",
     .complexity = "O(N) where N is the number of keys that differ",
     .arguments = "range:block?(first-slot:integer last-slot:integer)",
     .tips = "nondeterministic_output"},
    {.name = "torc.ring",
     .summary = "Tells the ring's epoch, the members' shares of it, and what is on the move.",
     .since = "7.2.4",
     .complexity = "O(N) where N is the number of ranges of slots",
     .tips = "nondeterministic_output"},
    {.name = "torc.ring|force-remove",
     .summary = "Takes a dead node out of the ring without a majority.",
     .since = "7.2.4",
     .complexity = "O(1)",
     .arguments = "node-id"},
    {.name = "torc.ring|help",
     .summary = "Lists the subcommands.",
     .since = "7.2.4",
     .complexity = "O(1)"},
    {.name = "torc.set",
     .summary = "Stores a value in place of those that a TORC.GET saw, and only those.",
     .since = "7.2.4",
     .complexity = "O(1)",
     .arguments = "key:key@0 value token=CONTEXT expiration:oneof?(seconds:integer=EX milliseconds:integer=PX "
                  "unix-time-seconds:unix-time=EXAT unix-time-milliseconds:unix-time=PXAT)"},
    {.name = "torc.siblings",
     .summary = "Counts the values that concurrent writes left.",
     .since = "7.2.4",
     .complexity = "O(N) where N is the number of values",
     .arguments = "key:key@0"},
    {.name = "torc.with",
     .summary = "Runs one command at other consistency levels.",
     .since = "7.2.4",
     .complexity = "That of the command",
     .arguments = "read-level=R? write-level=W? command argument?*"},
};
// clang-format on

}  // namespace

std::span<const CommandDoc> torc_docs() {
    return kDocs;
}

}  // namespace torc

// What COMMAND DOCS tells about the commands on channels. The arguments' notation: command_docs.h.
#include "commands/command_docs.h"

namespace torc {
namespace {

// clang-format off
constexpr CommandDoc kDocs[] = {
    {.name = "pubsub",
     .summary = "Commands on who listens to channels; here nobody can.",
     .since = "2.8.0",
     .complexity = "Depends on subcommand."},
    {.name = "pubsub|channels",
     .summary = "Lists the channels that somebody listens to.",
     .since = "2.8.0",
     .complexity = "O(N) where N is the number of active channels, and assuming constant time pattern "
                   "matching (relatively short channels and patterns)",
     .arguments = "pattern:pattern?"},
    {.name = "pubsub|help",
     .summary = "Lists the subcommands with what they do.",
     .since = "6.2.0",
     .complexity = "O(1)"},
    {.name = "pubsub|numpat",
     .summary = "Counts the patterns that somebody listens to.",
     .since = "2.8.0",
     .complexity = "O(1)"},
    {.name = "pubsub|numsub",
     .summary = "Counts the listeners of channels.",
     .since = "2.8.0",
     .complexity = "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
     .arguments = "channel?*"},
    {.name = "pubsub|shardchannels",
     .summary = "Lists the shard channels that somebody listens to.",
     .since = "7.0.0",
     .complexity = "O(N) where N is the number of active shard channels, and assuming constant time "
                   "pattern matching (relatively short shard channels).",
     .arguments = "pattern:pattern?"},
    {.name = "pubsub|shardnumsub",
     .summary = "Counts the listeners of shard channels.",
     .since = "7.0.0",
     .complexity = "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels",
     .arguments = "shardchannel?*"},
};
// clang-format on

}  // namespace

std::span<const CommandDoc> pubsub_docs() {
    return kDocs;
}

}  // namespace torc

// What COMMAND DOCS tells about the commands on transactions. The arguments' notation: command_docs.h.
#include "commands/command_docs.h"

namespace torc {
namespace {

// clang-format off
constexpr CommandDoc kDocs[] = {
    {.name = "discard",
     .summary = "Gives a transaction up.",
     .since = "2.0.0",
     .complexity = "O(N), when N is the number of queued commands"},
    {.name = "exec",
     .summary = "Runs the commands of a transaction, all at once.",
     .since = "1.2.0",
     .complexity = "Depends on commands in the transaction"},
    {.name = "multi",
     .summary = "Begins a transaction.",
     .since = "1.2.0",
     .complexity = "O(1)"},
    {.name = "unwatch",
     .summary = "Stops watching keys for the transaction to come.",
     .since = "2.2.0",
     .complexity = "O(1)"},
    {.name = "watch",
     .summary = "Watches keys: if one changes, the transaction to come doesn't run.",
     .since = "2.2.0",
     .complexity = "O(1) for every key.",
     .arguments = "key:key@0*"},
};
// clang-format on

}  // namespace

std::span<const CommandDoc> transaction_docs() {
    return kDocs;
}

}  // namespace torc

// What COMMAND DOCS tells about the commands on users. The arguments' notation: command_docs.h.
#include "commands/command_docs.h"

namespace torc {
namespace {

// clang-format off
constexpr CommandDoc kDocs[] = {
    {.name = "acl",
     .summary = "Commands on users; here there is one, `default`.",
     .since = "6.0.0",
     .complexity = "Depends on subcommand."},
    {.name = "acl|cat",
     .summary = "Lists the categories of commands, or the commands of one.",
     .since = "6.0.0",
     .complexity = "O(1) since the categories and commands are a fixed set.",
     .arguments = "categoryname?"},
    {.name = "acl|deluser",
     .summary = "Removes users.",
     .since = "6.0.0",
     .complexity = "O(1) amortized time considering the typical user.",
     .arguments = "username*"},
    {.name = "acl|dryrun",
     .summary = "Tells whether a user may run a command.",
     .since = "7.0.0",
     .complexity = "O(1).",
     .arguments = "username command arg?*"},
    {.name = "acl|genpass",
     .summary = "Makes a password by chance.",
     .since = "6.0.0",
     .complexity = "O(1)",
     .arguments = "bits:integer?"},
    {.name = "acl|getuser",
     .summary = "Shows a user.",
     .since = "6.0.0",
     .complexity = "O(N). Where N is the number of password, command and pattern rules that the user has.",
     .arguments = "username",
     .history = "6.2.0 Added Pub/Sub channel patterns.\n"
                "7.0.0 Added selectors and changed the format of key and channel patterns from a list "
                "to their rule representation."},
    {.name = "acl|help",
     .summary = "Lists the subcommands with what they do.",
     .since = "6.0.0",
     .complexity = "O(1)"},
    {.name = "acl|list",
     .summary = "Shows all users in the form of a configuration file.",
     .since = "6.0.0",
     .complexity = "O(N). Where N is the number of configured users."},
    {.name = "acl|load",
     .summary = "Reads the file of users; refused.",
     .since = "6.0.0",
     .complexity = "O(N). Where N is the number of configured users."},
    {.name = "acl|log",
     .summary = "Shows what was refused; only RESET has a meaning here.",
     .since = "6.0.0",
     .complexity = "O(N) with N being the number of entries shown.",
     .arguments = "operation:oneof?(count:integer reset!)"},
    {.name = "acl|save",
     .summary = "Writes the file of users; refused.",
     .since = "6.0.0",
     .complexity = "O(N). Where N is the number of configured users."},
    {.name = "acl|setuser",
     .summary = "Makes or changes a user; refused.",
     .since = "6.0.0",
     .complexity = "O(N). Where N is the number of rules provided.",
     .arguments = "username rule?*",
     .history = "6.2.0 Added Pub/Sub channel patterns.\n"
                "7.0.0 Added selectors and key based permissions."},
    {.name = "acl|users",
     .summary = "Lists the names of all users.",
     .since = "6.0.0",
     .complexity = "O(N). Where N is the number of configured users."},
    {.name = "acl|whoami",
     .summary = "Tells the name of the connection's user.",
     .since = "6.0.0",
     .complexity = "O(1)"},
};
// clang-format on

}  // namespace

std::span<const CommandDoc> acl_docs() {
    return kDocs;
}

}  // namespace torc

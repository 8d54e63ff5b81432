// What COMMAND DOCS tells about the commands on connections. The arguments' notation: command_docs.h.
#include "commands/command_docs.h"

namespace torc {
namespace {

// clang-format off
constexpr CommandDoc kDocs[] = {
    {.name = "auth",
     .summary = "Logs the connection in.",
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of passwords defined for the user",
     .arguments = "username?+6.0.0 password",
     .history = "6.0.0 Added ACL style (username and password)."},
    {.name = "client",
     .summary = "Commands on connections.",
     .since = "2.4.0",
     .complexity = "Depends on subcommand."},
    {.name = "client|caching",
     .summary = "Says whether the next command's keys are to be tracked.",
     .since = "6.0.0",
     .complexity = "O(1)",
     .arguments = "mode:oneof(yes! no!)"},
    {.name = "client|getname",
     .summary = "Tells the name that the connection was given.",
     .since = "2.6.9",
     .complexity = "O(1)"},
    {.name = "client|getredir",
     .summary = "Tells which connection gets this one's invalidations.",
     .since = "6.0.0",
     .complexity = "O(1)"},
    {.name = "client|help",
     .summary = "Lists the subcommands with what they do.",
     .since = "5.0.0",
     .complexity = "O(1)"},
    {.name = "client|id",
     .summary = "Tells the number that the server knows the connection by.",
     .since = "5.0.0",
     .complexity = "O(1)"},
    {.name = "client|info",
     .summary = "Tells what the server knows about the connection.",
     .since = "6.2.0",
     .complexity = "O(1)",
     .tips = "nondeterministic_output"},
    {.name = "client|kill",
     .summary = "Closes connections, picked by address or other traits.",
     .since = "2.4.0",
     .complexity = "O(N) where N is the number of client connections",
     .arguments = "filter:oneof('ip:port'~2.8.12 new-format:oneof*(client-id:integer=ID?+2.8.12 "
                  "normal_master_slave_pubsub:oneof=TYPE?+2.8.12(normal! master!+3.2.0 slave! "
                  "replica!+5.0.0 pubsub!) username=USER? 'ip:port'=ADDR? 'ip:port'=LADDR?+6.2.0 "
                  "yes/no=SKIPME?))",
     .history = "2.8.12 Added new filter format.\n"
                "2.8.12 `ID` option.\n"
                "3.2.0 Added `master` type in for `TYPE` option.\n"
                "5.0.0 Replaced `slave` `TYPE` with `replica`. `slave` still supported for backward "
                "compatibility.\n"
                "6.2.0 `LADDR` option."},
    {.name = "client|list",
     .summary = "Lists the connections.",
     .since = "2.4.0",
     .complexity = "O(N) where N is the number of client connections",
     .arguments = "normal_master_replica_pubsub:oneof=TYPE?+5.0.0(normal! master! replica! pubsub!) "
                  "id:block=ID?+6.2.0(client-id:integer*)",
     .tips = "nondeterministic_output",
     .history = "2.8.12 Added unique client `id` field.\n"
                "5.0.0 Added optional `TYPE` filter.\n"
                "6.0.0 Added `user` field.\n"
                "6.2.0 Added `argv-mem`, `tot-mem`, `laddr` and `redir` fields and the optional `ID` "
                "filter.\n"
                "7.0.0 Added `resp`, `multi-mem`, `rbs` and `rbp` fields.\n"
                "7.0.3 Added `ssub` field."},
    {.name = "client|no-evict",
     .summary = "Spares the connection when client buffers take too much memory.",
     .since = "7.0.0",
     .complexity = "O(1)",
     .arguments = "enabled:oneof(on! off!)"},
    {.name = "client|no-touch",
     .summary = "Makes the connection's commands leave no trace in the keys' usage.",
     .since = "7.2.0",
     .complexity = "O(1)",
     .arguments = "enabled:oneof(on! off!)"},
    {.name = "client|pause",
     .summary = "Holds back commands of all connections for a while.",
     .since = "2.9.50",
     .complexity = "O(1)",
     .arguments = "timeout:integer mode:oneof?+6.2.0(write! all!)",
     .history = "6.2.0 `CLIENT PAUSE WRITE` mode added along with the `mode` option."},
    {.name = "client|reply",
     .summary = "Switches the replies to the connection off or on.",
     .since = "3.2.0",
     .complexity = "O(1)",
     .arguments = "on_off_skip:oneof(on! off! skip!)"},
    {.name = "client|setinfo",
     .summary = "Notes the name or version of the client library in use.",
     .since = "7.2.0",
     .complexity = "O(1)",
     .arguments = "attr:oneof(libname=LIB-NAME libver=LIB-VER)",
     .tips = "request_policy:all_nodes response_policy:all_succeeded"},
    {.name = "client|setname",
     .summary = "Gives the connection a name.",
     .since = "2.6.9",
     .complexity = "O(1)",
     .arguments = "connection-name"},
    {.name = "client|tracking",
     .summary = "Switches the tracking of keys that the client caches on or off.",
     .since = "6.0.0",
     .complexity = "O(1). Some options may introduce additional complexity.",
     .arguments = "status:oneof(on! off!) client-id:integer=REDIRECT? prefix=PREFIX?** bcast!? "
                  "optin!? optout!? noloop!?"},
    {.name = "client|trackinginfo",
     .summary = "Tells how keys are tracked for the connection.",
     .since = "6.2.0",
     .complexity = "O(1)"},
    {.name = "client|unblock",
     .summary = "Ends the wait of another connection.",
     .since = "5.0.0",
     .complexity = "O(log N) where N is the number of client connections",
     .arguments = "client-id:integer timeout_error:oneof?(timeout! error!)"},
    {.name = "client|unpause",
     .summary = "Lets commands go on that CLIENT PAUSE holds back.",
     .since = "6.2.0",
     .complexity = "O(N) Where N is the number of paused clients"},
    {.name = "echo",
     .summary = "Replies what it was given.",
     .since = "1.0.0",
     .complexity = "O(1)",
     .arguments = "message"},
    {.name = "hello",
     .summary = "Greets the server: chooses the protocol, logs in, and tells about the server.",
     .since = "6.0.0",
     .complexity = "O(1)",
     .arguments = "arguments:block?(protover:integer username_password:block=AUTH?(username "
                  "password) clientname=SETNAME?)",
     .history = "6.2.0 `protover` made optional; when called without arguments the command reports "
                "the current connection's context."},
    {.name = "ping",
     .summary = "Asks whether the server is there; it replies PONG, or what it was given.",
     .since = "1.0.0",
     .complexity = "O(1)",
     .arguments = "message?",
     .tips = "request_policy:all_shards response_policy:all_succeeded"},
    {.name = "quit",
     .summary = "Ends the connection.",
     .since = "1.0.0",
     .complexity = "O(1)"},
    {.name = "reset",
     .summary = "Puts the connection into the state of a new one.",
     .since = "6.2.0",
     .complexity = "O(1)"},
    {.name = "select",
     .summary = "Chooses the database for the commands that follow.",
     .since = "1.0.0",
     .complexity = "O(1)",
     .arguments = "index:integer"},
};
// clang-format on

}  // namespace

std::span<const CommandDoc> connection_docs() {
    return kDocs;
}

}  // namespace torc

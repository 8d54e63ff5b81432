// What COMMAND DOCS tells about each command: one row per command or subcommand, in a file per group
// (command_docs_string.cc ...). Since, complexity, arguments and history are those of Redis; the summaries
// are ours.
//
// Arguments are written in a small notation, one item per argument:
//
//     name[:type][=TOKEN][@n][?][*][+since][~deprecated][(item item ...)]      or     name![TOKEN]...
//
// Types are those of Redis (string when left out); `!` stands for a pure token, spelt TOKEN or else as the
// name in capitals; @n: index of the key's spec; ?: optional; *: may be repeated, **: along with its token;
// `block` and `oneof` hold items in parentheses. Names with other than letters, digits, - _ / stand in
// 'quotes'.
//
//     key:key@0 value condition:oneof?+2.6.12(nx! xx!) seconds:integer=EX+2.6.12
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "commands/command.h"
#include "resp/reply.h"

namespace torc {

struct CommandDoc {
    std::string_view name = {};  // in full: "get", "config|set"
    std::string_view summary = {};
    std::string_view since = {};
    std::string_view complexity = {};
    std::string_view arguments = {};
    std::string_view tips = {};     // of COMMAND INFO, split by spaces
    std::string_view history = {};  // lines of "version text"
    std::string_view deprecated_since = {};
    std::string_view replaced_by = {};
    bool is_internal = false;  // Redis' doc flag syscmd
};

struct ArgumentDoc {
    std::string name;
    std::string type = "string";
    std::string token;
    bool has_token = false;
    int key_spec = -1;
    bool optional = false, multiple = false, multiple_token = false;
    std::string since, deprecated_since;
    std::vector<ArgumentDoc> arguments;
};

/// Null when nobody has written one.
const CommandDoc* find_command_doc(std::string_view full_name);

/// Every row of every group.
std::vector<const CommandDoc*> all_command_docs();

/// The notation above. The rows are ours: a malformed one stops the process.
std::vector<ArgumentDoc> parse_arguments(std::string_view notation);

/// The value of one entry of COMMAND DOCS, with its subcommands.
void reply_command_docs(ReplyWriter& reply, const CommandSpec& spec, std::string_view full_name);

std::span<const CommandDoc> string_docs();
std::span<const CommandDoc> bitmap_docs();
std::span<const CommandDoc> generic_docs();
std::span<const CommandDoc> connection_docs();
std::span<const CommandDoc> transaction_docs();
std::span<const CommandDoc> server_docs();
std::span<const CommandDoc> acl_docs();  // of the server's, too
std::span<const CommandDoc> scripting_docs();
std::span<const CommandDoc> pubsub_docs();
std::span<const CommandDoc> cluster_docs();
std::span<const CommandDoc> torc_docs();

}  // namespace torc

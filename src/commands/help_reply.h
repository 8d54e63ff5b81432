// What containers share: the reply of HELP (a heading, the lines, and HELP itself), and that of a call with
// more words than the subcommand takes.
#pragma once

#include <fmt/format.h>

#include <span>
#include <string_view>

#include "commands/call.h"

namespace torc {

inline void reply_help(Call& call, std::string_view container, std::span<const std::string_view> lines) {
    call.reply.array(lines.size() + 3);
    call.reply.simple(fmt::format("{} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", container));
    for (const std::string_view line : lines) call.reply.simple(line);
    call.reply.simple("HELP");
    call.reply.simple("    Prints this help.");
}

/// In Redis' words, for subcommands whose row in the table only says how many words they take at least.
inline void reply_too_many_words(Call& call, std::string_view container) {
    call.reply.error(fmt::format("ERR unknown subcommand or wrong number of arguments for '{}'. Try {} HELP.",
                                 call.args[1].substr(0, 128), container));
}

}  // namespace torc

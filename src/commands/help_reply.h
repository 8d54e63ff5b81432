// The reply of every container's HELP: a heading, the lines, and HELP itself.
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

}  // namespace torc

// The reply of COMMAND INFO: a row of the command table in Redis' shape and words.
#pragma once

#include <cstdint>
#include <string_view>

#include "commands/command.h"
#include "resp/reply.h"

namespace torc {

/// Ten elements, subcommands in the last. `name`: the full one ("config|set").
void reply_command_info(ReplyWriter& reply, const CommandSpec& spec, std::string_view name);

/// A set of the words of KeySpecFlag bits.
void reply_key_flags(ReplyWriter& reply, uint32_t flags);

/// The CommandCategory of a name without '@'; 0 when there's none.
uint64_t category_by_name(std::string_view name);

}  // namespace torc

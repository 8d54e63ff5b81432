// The reply of COMMAND INFO: a row of the command table in Redis' shape and words.
#pragma once

#include <cstdint>
#include <functional>
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
/// An array of all names of categories, in Redis' order.
void reply_category_names(ReplyWriter& reply);

/// An array of the full names of the rows, subcommands included, that `wanted` picks.
void reply_command_names(ReplyWriter& reply,
                         const std::function<bool(const CommandSpec&, std::string_view name)>& wanted);
/// Those of a category.
void reply_command_names_in(ReplyWriter& reply, uint64_t category);

}  // namespace torc

// The families of commands, each in a file (or a few) of its own that ends with its rows. The spans live for
// the whole program. Called once, by command_table.cc.
#pragma once

#include <span>

#include "commands/command.h"

namespace torc {

std::span<const CommandSpec> string_commands();
std::span<const CommandSpec> counter_commands();
std::span<const CommandSpec> lcs_commands();
std::span<const CommandSpec> bitmap_commands();
std::span<const CommandSpec> bitfield_commands();
std::span<const CommandSpec> generic_commands();
std::span<const CommandSpec> expire_commands();
std::span<const CommandSpec> scan_commands();
std::span<const CommandSpec> object_commands();
std::span<const CommandSpec> copy_move_commands();
std::span<const CommandSpec> dump_restore_commands();
std::span<const CommandSpec> wait_commands();
std::span<const CommandSpec> connection_commands();
std::span<const CommandSpec> client_commands();
std::span<const CommandSpec> transaction_commands();
std::span<const CommandSpec> server_commands();
std::span<const CommandSpec> save_commands();
std::span<const CommandSpec> info_commands();
std::span<const CommandSpec> config_commands();
std::span<const CommandSpec> command_commands();
std::span<const CommandSpec> slowlog_commands();
std::span<const CommandSpec> latency_commands();
std::span<const CommandSpec> memory_commands();
std::span<const CommandSpec> debug_commands();
std::span<const CommandSpec> lolwut_commands();
std::span<const CommandSpec> cluster_commands();
std::span<const CommandSpec> scripting_commands();
std::span<const CommandSpec> pubsub_commands();
std::span<const CommandSpec> module_commands();
std::span<const CommandSpec> acl_commands();
std::span<const CommandSpec> torc_ring_commands();
std::span<const CommandSpec> torc_data_commands();

}  // namespace torc

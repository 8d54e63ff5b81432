// What is said of words that are no command of any table: refusals that come before the gates.
#pragma once

#include <string>

#include "commands/args.h"
#include "node/worker_core.h"

namespace torc {

std::string unknown_command(Args args);
std::string unknown_subcommand(const CommandSpec& container, Args args);
/// A page in somebody's browser can send a POST to a port of this machine, with commands in its body.
bool is_web_request(Args args);
/// The command as error texts call it: "config|get".
std::string full_name(const Prepared& command);

}  // namespace torc

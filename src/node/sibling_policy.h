// The sibling policy `ask`: who reads a key that has several values is told so, in place of being shown one.
#pragma once

#include "commands/args.h"
#include "commands/command.h"
#include "resp/reply.h"

namespace torc {

struct WorkerCore;

/// True when the -SIBLINGS error is replied and the command mustn't run. Reads that don't look at values
/// (EXISTS, TTL ...), writes, TORC.GET and TORC.SIBLINGS go on. The keys are locked and in RAM.
bool answers_with_siblings(WorkerCore& worker, const CommandSpec& spec, Args args, ReplyWriter& reply);

}  // namespace torc

#include "node/sibling_policy.h"

#include <fmt/format.h>

#include "commands/command_table.h"
#include "node/worker_core.h"

namespace torc {

bool answers_with_siblings(WorkerCore& worker, const CommandSpec& spec, Args args, ReplyWriter& reply) {
    if ((spec.flags & kReadonly) == 0 || spec.name == "torc.get" || spec.name == "torc.siblings")
        return false;
    worker.key_positions.clear();
    if (!find_keys(spec, args, worker.key_positions)) return false;
    for (const KeyPosition& position : worker.key_positions) {
        if ((position.flags & kKeyAccess) == 0) continue;
        const std::string_view key = args[static_cast<size_t>(position.index)];
        if (worker.run.siblings.policy(key) != SiblingPolicy::ask) continue;
        const size_t values = worker.keyspaces[0]->siblings(key).values.size();
        if (values < 2) continue;
        reply.error(fmt::format("SIBLINGS this key has {} values; use TORC.GET", values));
        return true;
    }
    return false;
}

}  // namespace torc

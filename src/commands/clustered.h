// Rows of commands that only make sense in a cluster, and the replies of its actions.
#pragma once

#include "commands/call.h"
#include "commands/cluster_view.h"
#include "commands/node_view.h"

namespace torc {

/// Runs `command` where there is a cluster.
template <void (*command)(Call&, ClusterView&)>
void clustered(Call& call) {
    if (ClusterView* const view = call.node.cluster())
        command(call, *view);
    else
        call.reply.error("ERR This instance has cluster support disabled");
}

inline void reply_result(Call& call, const Result<void>& result) {
    if (result)
        call.reply.ok();
    else
        call.reply.error(result.error().message);
}

}  // namespace torc

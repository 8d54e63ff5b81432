// The subcommands of CLIENT that look at, or act on, other connections. Their rows are in client.cc.
#pragma once

namespace torc {

struct Call;

void client_info(Call& call);
void client_list(Call& call);
void client_kill(Call& call);
void client_pause(Call& call);
void client_unpause(Call& call);
void client_unblock(Call& call);

}  // namespace torc

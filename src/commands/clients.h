// The other connections of the node, as CLIENT sees them. Implemented by node/. Any thread may call; nothing
// here waits.
#pragma once

#include <cstdint>
#include <functional>

#include "commands/client_state.h"

namespace torc {

class Clients {
  public:
    virtual ~Clients() = default;

    /// Every connection, by rising id. Only what client_state.h marks as read by other threads may be looked
    /// at, names under their mutex; `visit` must not call this face.
    virtual void for_each(const std::function<void(ClientState&)>& visit) = 0;

    /// Closes another connection: soon, on its own thread. False when there's none with this id, or it's being
    /// closed already.
    virtual bool kill(uint64_t id) = 0;

    /// Ends the wait of a blocked connection: as its deadline would, or with -UNBLOCKED. False when it isn't
    /// blocked.
    virtual bool unblock(uint64_t id, bool with_error) = 0;

    enum class Pause : uint8_t { writes, all };
    /// No connection starts such commands until then. The node holds the asker's reply back until every
    /// thread has seen it, so that after the reply nothing paused is still under way.
    virtual void pause(ClientState& asker, Pause what, int64_t until_ms) = 0;
    virtual void unpause() = 0;

    /// Is everything that this connection has written on the disk (synced)? For WAITAOF.
    virtual bool writes_synced(const ClientState& client) const = 0;
    /// How many replicas, besides the node it ran on, have this connection's last write. For WAIT; its own
    /// thread.
    virtual int64_t writes_replicated(const ClientState&) const { return 0; }
    /// How many of those have said that it's on their disks (synced); they are asked while the connection is
    /// blocked for it. For WAITAOF; its own thread.
    virtual int64_t replicas_synced(const ClientState&) const { return 0; }
};

}  // namespace torc

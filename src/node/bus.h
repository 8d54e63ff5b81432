// The cluster bus as the node sees it: links that carry whole frames. The server makes them of TCP
// connections (server/bus_link.h: framing, checksums, the handshake with the cluster's secret), the simulator
// of queues.
//
// Lanes. Each pair of nodes has one control link per direction of dialling, for gossip and ring steps, served
// by a thread that runs no commands; and one data link per I/O thread of the dialling side. A worker sends
// its requests on the links it dialled; answers come back on the same link. So a write and its
// acknowledgements never change threads.
//
// Frames arrive whole, in order and at most once on one link; a link that breaks loses what was under way,
// and over several links anything may overtake anything.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "cluster/bus_hello.h"
#include "cluster/node_id.h"

namespace torc {

/// One connection to a peer. Belongs to the thread of the user it was announced to.
class BusLink {
  public:
    virtual ~BusLink() = default;
    virtual NodeId peer() const = 0;
    virtual bool dialled() const = 0;  // by us
    /// Of the protocol, that both ends speak.
    virtual uint16_t version() const { return kBusVersionMax; }
    /// The peer's IP address as this end sees it: what it is reached at when it doesn't say so itself. Empty:
    /// there is none.
    virtual std::string peer_host() const { return {}; }
    /// This node's IP address, as the connection has it: what it may announce when nothing was configured.
    virtual std::string own_host() const { return {}; }
    /// Queues one frame (its payload; at most kMaxFrame bytes) and has it sent soon.
    virtual void send(std::string_view payload) = 0;
    /// Bytes queued and not yet taken by the system.
    virtual size_t queued_bytes() const = 0;
    /// Breaks the link; on_link_down() follows, from the loop.
    virtual void reset() = 0;

    static constexpr size_t kMaxFrame = 64u << 20;
};

/// What a command may bring, or make of a value, so that a frame has room for it with all that is around.
inline constexpr size_t kMostCommandBytes = 32u << 20;

/// Who gets links and frames: a worker (data lane), or the control plane.
class BusUser {
  public:
    virtual ~BusUser() = default;
    virtual void on_link_up(BusLink& link) = 0;
    /// The last call for this link.
    virtual void on_link_down(BusLink& link) = 0;
    virtual void on_frame(BusLink& link, std::string_view payload) = 0;
};

/// Who dials: the loop of a worker, or the control thread. Own thread only.
class BusDialer {
  public:
    virtual ~BusDialer() = default;
    /// From now on there should be a link to this node: dialled at once, and again with jittered backoff
    /// whenever it breaks.
    virtual void keep_link(NodeId peer, const Endpoint& bus) = 0;
    virtual void drop_link(NodeId peer) = 0;
    /// Control lane only: dials an address whose node isn't known yet (a seed, CLUSTER MEET), once. The link
    /// comes up with its peer's id, or doesn't.
    virtual void dial(const Endpoint& bus) = 0;
};

/// Who this node is to its peers, as the handshake says and proves it.
struct BusIdentity {
    NodeId id = 0;
    uint64_t cluster_id = 0;  // 0: none yet
    std::string secret;       // never sent
};
/// Asked at each handshake, on the thread that makes it: any thread. The cluster id comes with joining.
using BusIdentitySource = std::function<BusIdentity()>;

class WorkerHost;

/// What the bus counts, over all loops.
struct BusCounters {
    std::atomic<uint64_t> handshakes_refused{0};  // of those who called us
    std::atomic<uint64_t> links_replaced{0};      // a newer one of the same peer and lane came
    std::atomic<uint64_t> links_overrun{0};       // reset since the peer didn't read what we sent
    std::atomic<uint64_t> links_malformed{0};     // reset for what came in
    std::atomic<uint64_t> pauses{0};              // a loop stood still, and reset its links
};

/// The cluster half of a node, as the server runs it on its control thread ("torc-bus").
class BusControl {
  public:
    virtual ~BusControl() = default;
    /// Any thread.
    BusCounters& counters() { return counters_; }
    /// Any thread.
    virtual BusIdentity identity() = 0;
    /// Gets the control lane's links.
    virtual BusUser& user() = 0;
    /// Once, on the control thread, before anything else there. `dialer` and `host` outlive every call.
    virtual void start(BusDialer& dialer, WorkerHost& host) = 0;
    /// Every 25 ms.
    virtual void on_tick() = 0;

  private:
    BusCounters counters_;
};

}  // namespace torc

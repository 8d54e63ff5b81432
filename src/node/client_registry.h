// All connections of the node, by id: CLIENT LIST, KILL, UNBLOCK, PAUSE. Any thread; a mutex guards the map,
// so a connection that's being visited can't die meanwhile.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "commands/clients.h"

namespace torc {

struct ClientCore;
struct NodeCore;
class Inbox;

class ClientRegistry final : public Clients {
  public:
    explicit ClientRegistry(NodeCore& node) : node_(node) {}

    uint64_t next_id() { return next_id_.fetch_add(1) + 1; }
    void add(ClientCore& client);
    void remove(ClientCore& client);
    size_t size() const { return count_.load(std::memory_order_relaxed); }
    /// The connection behind a state: for its own thread.
    ClientCore& core_of(const ClientState& state) const;
    std::shared_ptr<Inbox> inbox_of(uint64_t id);

    void for_each(const std::function<void(ClientState&)>& visit) override;
    bool kill(uint64_t id) override;
    bool unblock(uint64_t id, bool with_error) override;
    void pause(ClientState& asker, Clients::Pause what, int64_t until_ms) override;
    void unpause() override;
    bool writes_synced(const ClientState& client) const override;
    int64_t writes_replicated(const ClientState& client) const override;
    int64_t replicas_synced(const ClientState& client) const override;

  private:
    NodeCore& node_;
    std::atomic<uint64_t> next_id_{0};
    std::atomic<size_t> count_{0};
    mutable std::mutex mutex_;
    std::map<uint64_t, ClientCore*> clients_;
    std::map<uint64_t, ClientCore*> internal_;  // commands that peers sent; no operator sees them
};

}  // namespace torc

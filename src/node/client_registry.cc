#include "node/client_registry.h"

#include "base/check.h"
#include "node/client_core.h"
#include "node/node_core.h"
#include "node/worker_core.h"

namespace torc {

void ClientRegistry::add(ClientCore& client) {
    std::lock_guard guard(mutex_);
    if (client.feeder != nullptr) {
        internal_.emplace(client.state->id, &client);
        return;
    }
    clients_.emplace(client.state->id, &client);
    count_ = clients_.size();
    node_.connections.fetch_add(1, std::memory_order_relaxed);
}

void ClientRegistry::remove(ClientCore& client) {
    std::lock_guard guard(mutex_);
    if (internal_.erase(client.state->id) != 0) return;
    clients_.erase(client.state->id);
    count_ = clients_.size();
}

ClientCore& ClientRegistry::core_of(const ClientState& state) const {
    std::lock_guard guard(mutex_);
    const auto found = clients_.find(state.id);
    if (found != clients_.end()) return *found->second;
    const auto own = internal_.find(state.id);
    TORC_CHECK(own != internal_.end());
    return *own->second;
}

std::shared_ptr<Inbox> ClientRegistry::inbox_of(uint64_t id) {
    std::lock_guard guard(mutex_);
    const auto found = clients_.find(id);
    return found == clients_.end() ? nullptr : found->second->inbox;
}

void ClientRegistry::for_each(const std::function<void(ClientState&)>& visit) {
    std::lock_guard guard(mutex_);
    for (const auto& [id, client] : clients_) visit(*client->state);
}

bool ClientRegistry::kill(uint64_t id) {
    std::lock_guard guard(mutex_);
    const auto found = clients_.find(id);
    if (found == clients_.end()) return false;
    if (found->second->state->close_asap.exchange(true)) return false;
    found->second->handle->wake();
    return true;
}

bool ClientRegistry::unblock(uint64_t id, bool with_error) {
    std::lock_guard guard(mutex_);
    const auto found = clients_.find(id);
    if (found == clients_.end() || !found->second->state->blocked) return false;
    found->second->state->unblock = with_error ? 2 : 1;
    found->second->handle->wake();
    return true;
}

void ClientRegistry::pause(ClientState& asker, Clients::Pause what, int64_t until_ms) {
    node_.pause.pause(until_ms, what == Clients::Pause::all, node_.environment.clock.wall_ms());
    ClientCore& client = core_of(asker);
    std::lock_guard guard(node_.workers_mutex);
    auto remaining = std::make_shared<std::atomic<size_t>>(node_.workers.size());
    client.hold = remaining;
    for (WorkerCore* worker : node_.workers)
        worker->host.post([remaining, handle = client.handle] {
            if (remaining->fetch_sub(1) == 1) handle->wake();
        });
}

void ClientRegistry::unpause() {
    node_.pause.unpause();
}

int64_t ClientRegistry::writes_replicated(const ClientState& client) const {
    if (node_.cluster == nullptr) return 0;
    const auto& writes = core_of(client).cluster.writes;
    return writes == nullptr ? 0 : writes->least();
}

int64_t ClientRegistry::replicas_synced(const ClientState& client) const {
    if (node_.cluster == nullptr) return 0;
    const auto& writes = core_of(client).cluster.writes;
    return writes == nullptr ? 0 : writes->least_synced();
}

bool ClientRegistry::writes_synced(const ClientState& client) const {
    return !node_.store->log_enabled() || node_.store->log().synced_lsn() >= client.last_write_lsn;
}

}  // namespace torc

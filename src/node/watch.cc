#include "node/watch.h"

#include <algorithm>

namespace torc {

std::string WatchTable::name_of(DbId db, std::string_view key) {
    std::string name(1, static_cast<char>(db));
    name.append(key);
    return name;
}

void WatchTable::add(ShardId shard, DbId db, std::string_view key, bool expired,
                     const std::shared_ptr<WatchState>& state) {
    Shard& s = shards_[shard];
    auto& states = s.keys[name_of(db, key)];
    if (std::ranges::any_of(states, [&](const Watcher& watcher) { return watcher.state == state; })) return;
    states.push_back({state, expired});
    ++s.count;
    ++total_;
}

void WatchTable::touch(ShardId shard, DbId db, std::string_view key) {
    Shard& s = shards_[shard];
    const auto found = s.keys.find(name_of(db, key));
    if (found == s.keys.end()) return;
    for (const Watcher& watcher : found->second) watcher.state->dirty.store(true, std::memory_order_release);
    leave(s, found->second.size());
    s.keys.erase(found);
}

void WatchTable::touch_expired(ShardId shard, DbId db, std::string_view key) {
    Shard& s = shards_[shard];
    const auto found = s.keys.find(name_of(db, key));
    if (found == s.keys.end()) return;
    const size_t left = std::erase_if(found->second, [](Watcher& watcher) {
        if (!watcher.expired) {
            watcher.state->dirty.store(true, std::memory_order_release);
            return true;
        }
        watcher.expired = false;  // absent before and after; the next change counts
        return false;
    });
    leave(s, left);
    if (found->second.empty()) s.keys.erase(found);
}

void WatchTable::sweep(ShardId shard) {
    Shard& s = shards_[shard];
    if (s.count == 0) return;
    for (auto it = s.keys.begin(); it != s.keys.end();) {
        s.count -=
            std::erase_if(it->second, [](const Watcher& watcher) { return watcher.state->dead.load(); });
        it = it->second.empty() ? s.keys.erase(it) : std::next(it);
    }
}

}  // namespace torc

#include "node/gates.h"

#include "node/node_core.h"
#include "node/worker_core.h"

namespace torc {
namespace {

bool has(const GateInput& in, uint64_t flags) {
    return (in.spec.flags & flags) != 0;
}

bool authenticated(const GateInput& in, std::string& why) {
    if (in.client.authenticated || has(in, kNoAuth)) return true;
    why = "NOAUTH Authentication required.";
    return false;
}

bool allowed_in_transactions(const GateInput& in, std::string& why) {
    if (!in.client.in_multi || !has(in, kNoMulti)) return true;
    why = "ERR Command not allowed inside a transaction";
    return false;
}

bool fits_memory(const GateInput& in, std::string& why) {
    in.worker.out_of_memory = false;
    const int64_t limit = in.node.config.live.maxmemory_bytes.load(std::memory_order_relaxed);
    if (__builtin_expect(limit == 0, 1) || in.node.loading.load(std::memory_order_acquire)) return true;
    // Commands that free memory, and reads, go on; the attempt to make room is for those that need it.
    bool needs_room = has(in, kDenyOom);
    if (in.client.in_multi && &in.spec == in.node.exec_spec)
        for (const QueuedCommand& queued : in.client.queue)
            needs_room |= (queued.spec->flags & kDenyOom) != 0;
    if (in.node.store->used_bytes() <= static_cast<uint64_t>(limit)) return true;
    if (in.worker.make_room() || !needs_room) return true;
    // Where each node deletes what it decides about, there may be room on the one where this runs: the
    // coordinator looks again.
    in.worker.out_of_memory = in.worker.coordinator != nullptr && !has(in, kInternal) && in.node.evicts();
    if (in.worker.out_of_memory) return true;
    why = kOutOfMemory;
    return false;
}

bool log_works(const GateInput& in, std::string& why) {
    if (!has(in, kWrite) || !in.node.log_is_failing()) return true;
    // On a cluster another node may run it: the coordinator looks again (Coordinator::route).
    if (in.worker.coordinator != nullptr && !has(in, kInternal)) return true;
    why = log_refusal(in.node);
    return false;
}

bool fits_entry_limit(const GateInput& in, std::string& why) {
    if (!has(in, kWrite)) return true;
    const auto limit =
        static_cast<uint64_t>(in.node.config.live.max_entry_bytes.load(std::memory_order_relaxed));
    for (const std::string_view arg : in.args)
        if (__builtin_expect(arg.size() > limit, 0)) {
            why = "ERR entry is larger than max-entry-size";
            return false;
        }
    return true;
}

bool loaded(const GateInput& in, std::string& why) {
    if (__builtin_expect(!in.node.loading.load(std::memory_order_acquire), 1) || has(in, kLoading))
        return true;
    why = "LOADING Redis is loading the dataset in memory";
    return false;
}

/// The order is the one in which redis-server looks.
template <auto... kGates>
bool pass_all(const GateInput& in, std::string& why) {
    return (kGates(in, why) && ...);
}

}  // namespace

std::string log_refusal(const NodeCore& node) {
    return "MISCONF Torc can't write its log (" + node.store->log().state_message() +
           "). Commands that change data are refused until it can; see the server's log.";
}

bool may_run(const GateInput& in, std::string& why) {
    return pass_all<authenticated, allowed_in_transactions, fits_memory, log_works, fits_entry_limit, loaded>(
        in, why);
}

}  // namespace torc

#include "node/request_policy.h"

#include <algorithm>

namespace torc {

void RequestPolicy::join(const RequestPolicy& other) {
    read = stronger(read, other.read);
    write = stronger(write, other.write);
    sloppy = sloppy && other.sloppy;
    strict = strict || other.strict;
    max_entry_bytes = std::min(max_entry_bytes, other.max_entry_bytes);
}

RequestPolicy request_policy(const LiveSettings& live, const KeyPolicies& policies, std::string_view key) {
    static const KeyPolicy kNone;
    const KeyPolicy* const found = policies.find(key);
    const KeyPolicy& special = found == nullptr ? kNone : *found;
    RequestPolicy policy;
    policy.read = special.read.value_or(
        static_cast<Consistency>(live.read_consistency.load(std::memory_order_relaxed)));
    policy.write = special.write.value_or(
        static_cast<Consistency>(live.write_consistency.load(std::memory_order_relaxed)));
    policy.sloppy = special.sloppy.value_or(live.sloppy_quorum.load(std::memory_order_relaxed));
    policy.strict = special.strict.value_or(false);
    if (special.max_entry_bytes) policy.max_entry_bytes = static_cast<uint64_t>(*special.max_entry_bytes);
    // Who decides next must meet somebody who has what was decided here.
    if (policy.strict) {
        policy.sloppy = false;
        policy.write = stronger(policy.write, Consistency::quorum);
    }
    return policy;
}

}  // namespace torc

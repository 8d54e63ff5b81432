// What holds for one command by the policies of its keys (base/key_policy.h), with the directives' values
// where a policy is silent.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/config.h"
#include "base/key_policy.h"

namespace torc {

struct RequestPolicy {
    Consistency read = Consistency::quorum;
    Consistency write = Consistency::quorum;
    bool sloppy = true;
    bool strict = false;
    uint64_t max_entry_bytes = UINT64_MAX;

    /// Of a command on several keys: what asks more.
    void join(const RequestPolicy& other);
};

RequestPolicy request_policy(const LiveSettings& live, const KeyPolicies& policies, std::string_view key);

}  // namespace torc

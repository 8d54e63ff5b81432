// Which server each key goes to. A client that knows the cluster's slots sends each command to the node that
// owns the key; this one has a connection for one node each, and needs to know which keys it may ask there.
//
// The file has a line `first-slot last-slot port` for each range, as CLUSTER SLOTS gives them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

struct Owner {
    int port;
    std::vector<uint32_t> numbers;  // of the keys that it owns, ascending
};

/// Every owner in the file with those of the first `keys` keys that are its; throws when a slot has none.
std::vector<Owner> read_owners(const std::string& path, uint64_t keys);

}  // namespace bench

#include "cluster/node_id.h"

#include <array>
#include <string>

#include "base/coding.h"
#include "base/hash.h"

namespace torc {
namespace {

constexpr size_t kNameLength = 40;
constexpr size_t kIdDigits = 16;
constexpr uint64_t kNameSeed = 0x746f72632d6e6f64ULL;

void append_hex(std::string& to, uint64_t value, unsigned digits) {
    for (unsigned digit = digits; digit-- > 0;) to.push_back("0123456789abcdef"[(value >> (4 * digit)) & 15]);
}

}  // namespace

std::string node_name(NodeId id) {
    std::array<char, sizeof id> bytes;
    store_le(bytes.data(), id);
    const Hash128 tail = hash128(std::string_view(bytes.data(), bytes.size()), kNameSeed);
    std::string name;
    name.reserve(kNameLength);
    append_hex(name, id, kIdDigits);
    append_hex(name, tail.low, 16);
    append_hex(name, tail.high, kNameLength - kIdDigits - 16);
    return name;
}

std::optional<NodeId> parse_node_name(std::string_view name) {
    if (name.size() != kNameLength) return std::nullopt;
    NodeId id = 0;
    for (const char c : name.substr(0, kIdDigits)) {
        unsigned digit = 0;
        if (c >= '0' && c <= '9')
            digit = static_cast<unsigned>(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = static_cast<unsigned>(c - 'a' + 10);
        else
            return std::nullopt;
        id = id << 4 | digit;
    }
    // The derived digits catch a mistyped name.
    if (id == 0 || node_name(id) != name) return std::nullopt;
    return id;
}

}  // namespace torc

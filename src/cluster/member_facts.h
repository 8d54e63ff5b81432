// Bytes of what members say of themselves: in messages between members, and in the file in which a node keeps
// the members that it knew, so that it finds its cluster again after a restart of everything.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cluster/membership.h"
#include "cluster/wire.h"

namespace torc {

/// No host, hostname, datacenter or rack is longer; write_facts() cuts what is.
inline constexpr size_t kMaxMemberText = 255;

/// A member that refutes a thousand times a second needs a hundred million years to get here; what lies above
/// is damage, and would leave its victim no higher number to refute with. Of incarnations and versions.
inline constexpr uint64_t kHighestIncarnation = uint64_t{1} << 62;

void write_facts(WireWriter& to, const MemberFacts& facts);
/// Fails the reader on anything that no member says of itself: id 0, texts or shard bits of the wrong length.
void read_facts(WireReader& from, MemberFacts& facts);

/// The save form. At most Membership::kMaxMembers are decoded; the bytes are checksummed.
std::string encode_members(std::span<const MemberFacts> members);
Result<std::vector<MemberFacts>> decode_members(std::string_view bytes);

/// Everything but incarnation and version.
bool same_facts(const MemberFacts& a, const MemberFacts& b);

}  // namespace torc

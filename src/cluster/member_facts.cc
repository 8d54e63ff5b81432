#include "cluster/member_facts.h"

#include <algorithm>

#include "base/coding.h"
#include "base/hash.h"
#include "cluster/shard_set.h"

namespace torc {
namespace {

constexpr uint32_t kSaveMagic = 0x424d4554;  // "TEMB"
constexpr uint8_t kSaveFormat = 1;

void write_text(WireWriter& to, std::string_view text) {
    to.string(text.substr(0, kMaxMemberText));
}

void write_endpoint(WireWriter& to, const Endpoint& endpoint) {
    write_text(to, endpoint.host);
    to.u16(endpoint.port);
}

void read_endpoint(WireReader& from, Endpoint& endpoint) {
    endpoint.host = from.string(kMaxMemberText);
    endpoint.port = from.u16();
}

}  // namespace

void write_facts(WireWriter& to, const MemberFacts& facts) {
    to.u64(facts.id);
    to.varint(facts.incarnation);
    to.varint(facts.version);
    to.u64(facts.cluster_id);
    to.varint(facts.ring_epoch);
    to.u64(facts.actor);
    write_endpoint(to, facts.bus);
    write_endpoint(to, facts.client);
    write_text(to, facts.hostname);
    write_text(to, facts.datacenter);
    write_text(to, facts.rack);
    to.varint(facts.vnodes);
    to.i64(facts.started_ms);
    to.string(facts.unsettled.size() == kShardSetBytes ? std::string_view(facts.unsettled) : "");
}

void read_facts(WireReader& from, MemberFacts& facts) {
    facts.id = from.u64();
    facts.incarnation = from.varint(kHighestIncarnation);
    facts.version = from.varint(kHighestIncarnation);
    facts.cluster_id = from.u64();
    facts.ring_epoch = from.varint();
    facts.actor = from.u64();
    read_endpoint(from, facts.bus);
    read_endpoint(from, facts.client);
    facts.hostname = from.string(kMaxMemberText);
    facts.datacenter = from.string(kMaxMemberText);
    facts.rack = from.string(kMaxMemberText);
    facts.vnodes = static_cast<uint32_t>(from.varint(UINT32_MAX));
    facts.started_ms = from.i64();
    facts.unsettled = from.string(kShardSetBytes);
    if (facts.id == 0 || (!facts.unsettled.empty() && facts.unsettled.size() != kShardSetBytes)) from.fail();
}

std::string encode_members(std::span<const MemberFacts> members) {
    WireWriter writer;
    writer.u32(kSaveMagic);
    writer.u8(kSaveFormat);
    const size_t count = std::min(members.size(), Membership::kMaxMembers);
    writer.varint(count);
    for (const MemberFacts& facts : members.first(count)) write_facts(writer, facts);
    writer.u64(hash64(writer.bytes(), kSaveMagic));
    return writer.take();
}

Result<std::vector<MemberFacts>> decode_members(std::string_view bytes) {
    constexpr size_t kSum = sizeof(uint64_t);
    if (bytes.size() < kSum) return fail(ErrorKind::corrupt, "members: too short");
    const std::string_view body = bytes.substr(0, bytes.size() - kSum);
    if (load_le<uint64_t>(bytes.data() + body.size()) != hash64(body, kSaveMagic))
        return fail(ErrorKind::corrupt, "members: checksum doesn't match");
    WireReader reader(body);
    if (reader.u32() != kSaveMagic) return fail(ErrorKind::corrupt, "members: not a list of members");
    if (reader.u8() != kSaveFormat) return fail(ErrorKind::invalid, "members: a format of another version");
    std::vector<MemberFacts> members(reader.varint(Membership::kMaxMembers));
    for (MemberFacts& facts : members) read_facts(reader, facts);
    if (!reader.finished()) return fail(ErrorKind::corrupt, "members: malformed");
    return members;
}

bool same_facts(const MemberFacts& a, const MemberFacts& b) {
    return a.id == b.id && a.cluster_id == b.cluster_id && a.ring_epoch == b.ring_epoch &&
           a.actor == b.actor && a.bus == b.bus && a.client == b.client && a.hostname == b.hostname &&
           a.datacenter == b.datacenter && a.rack == b.rack && a.vnodes == b.vnodes &&
           a.started_ms == b.started_ms && a.unsettled == b.unsettled;
}

}  // namespace torc

#include "cluster/node_identity.h"

#include "base/coding.h"
#include "base/hash.h"
#include "base/mutant.h"
#include "cluster/cluster_file.h"
#include "cluster/wire.h"

namespace torc {
namespace {

std::string encode(const NodeIdentity& identity) {
    WireWriter out;
    out.u64(identity.node);
    out.u64(identity.actor);
    out.u64(identity.starts);
    return out.take();
}

Result<NodeIdentity> decode(const std::string& bytes, const std::string& directory) {
    WireReader in(bytes);
    NodeIdentity identity;
    identity.node = in.u64();
    identity.actor = in.u64();
    identity.starts = in.u64();
    if (!in.finished() || identity.node == 0)
        return fail(cluster_file_lost(directory, kNodeFileName, "damaged"));
    return identity;
}

/// Never 0. Even if the entropy were the same again, ids of different purposes and starts differ.
uint64_t fresh_id(uint64_t entropy, const NodeIdentity& before, std::string_view purpose) {
    std::string bytes(purpose);
    append_le(bytes, before.node);
    append_le(bytes, before.actor);
    append_le(bytes, before.starts);
    uint64_t id = hash64(bytes, entropy);
    while (id == 0 || id == before.actor) id = hash64(bytes, ++entropy);
    return id;
}

/// A directory without cluster-node: new, or one that lost it.
Result<NodeIdentity> make_identity(Disk& disk, const std::string& directory, uint64_t entropy) {
    const auto ring = load_cluster_file(disk, directory, kRingFileName);
    if (!ring && ring.error().kind != ErrorKind::not_found) return fail(ring.error());
    if (ring && !ring->empty()) return fail(cluster_file_lost(directory, kNodeFileName, "missing"));
    if (!ring) {
        if (auto stored = store_cluster_file(disk, directory, kRingFileName, ""); !stored)
            return fail(stored.error());
    }
    NodeIdentity identity;
    identity.node = fresh_id(entropy, identity, "node");
    return identity;
}

Result<NodeIdentity> load_identity(Disk& disk, const std::string& directory, uint64_t entropy) {
    const auto bytes = load_cluster_file(disk, directory, kNodeFileName);
    if (bytes) return decode(*bytes, directory);
    if (bytes.error().kind == ErrorKind::not_found) return make_identity(disk, directory, entropy);
    return fail(bytes.error());
}

}  // namespace

Result<NodeIdentity> open_node_identity(Disk& disk, const std::string& directory, uint64_t entropy) {
    auto identity = load_identity(disk, directory, entropy);
    if (!identity) return identity;
    if (!mutant("actor-reused") || identity->actor == 0)
        identity->actor = fresh_id(entropy, *identity, "actor");
    ++identity->starts;
    if (auto stored = store_cluster_file(disk, directory, kNodeFileName, encode(*identity)); !stored)
        return fail(stored.error());
    return identity;
}

}  // namespace torc

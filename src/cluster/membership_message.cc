#include "cluster/membership_message.h"

#include "cluster/member_facts.h"

namespace torc {
namespace {

using Kind = MembershipMessage::Kind;

constexpr uint8_t kFormat = 1;
constexpr size_t kMaxDigest = Membership::kMaxMembers + 1;  // the members and the sender

bool is_probing(Kind kind) {
    return kind >= Kind::ping && kind <= Kind::unanswered;
}
bool has_view(Kind kind) {
    return kind == Kind::ping || kind == Kind::ask;
}

void write_view(WireWriter& to, const MemberView& view) {
    to.varint(view.incarnation);
    to.varint(view.version);
    to.u8(static_cast<uint8_t>(view.liveness));
}

void read_view(WireReader& from, MemberView& view) {
    view.incarnation = from.varint(kHighestIncarnation);
    view.version = from.varint(kHighestIncarnation);
    const uint8_t liveness = from.u8();
    if (liveness > static_cast<uint8_t>(Liveness::left)) from.fail();
    view.liveness = static_cast<Liveness>(liveness);
}

void read_update(WireReader& from, MemberUpdate& update) {
    const uint8_t kind = from.u8();
    if (kind < static_cast<uint8_t>(MemberUpdate::Kind::facts) ||
        kind > static_cast<uint8_t>(MemberUpdate::Kind::left))
        return from.fail();
    update.kind = static_cast<MemberUpdate::Kind>(kind);
    if (update.kind == MemberUpdate::Kind::facts) return read_facts(from, update.facts);
    update.facts.id = from.u64();
    update.facts.incarnation = from.varint(kHighestIncarnation);
    if (update.kind != MemberUpdate::Kind::left) update.voter = from.u64();
}

}  // namespace

std::string encode_message(const MembershipMessage& message) {
    WireWriter writer;
    writer.u8(kFormat);
    writer.u8(static_cast<uint8_t>(message.kind));
    writer.u64(message.cluster_id);
    writer.varint(message.incarnation);
    writer.varint(message.version);
    writer.i64(message.wall_ms);
    if (is_probing(message.kind)) {
        writer.u64(message.target);
        writer.u32(message.run);
        writer.i64(message.stamp_ms);
        if (has_view(message.kind)) write_view(writer, message.view);
    } else if (message.kind == Kind::summary) {
        writer.u64(message.hash);
    } else if (message.kind == Kind::digest) {
        writer.varint(message.digest.size());
        for (const auto& known : message.digest) {
            writer.u64(known.id);
            write_view(writer, known.view);
        }
    } else if (message.kind == Kind::want) {
        writer.varint(message.wanted.size());
        for (const NodeId id : message.wanted) writer.u64(id);
    }
    return writer.take();
}

std::string encode_update(const MemberUpdate& update) {
    WireWriter writer;
    writer.u8(static_cast<uint8_t>(update.kind));
    if (update.kind == MemberUpdate::Kind::facts) {
        write_facts(writer, update.facts);
    } else {
        writer.u64(update.facts.id);
        writer.varint(update.facts.incarnation);
        if (update.kind != MemberUpdate::Kind::left) writer.u64(update.voter);
    }
    return writer.take();
}

bool decode_message(std::string_view bytes, MembershipMessage& message) {
    if (bytes.size() > Membership::kMaxPayload) return false;
    WireReader reader(bytes);
    if (reader.u8() != kFormat) return false;
    const uint8_t kind = reader.u8();
    if (kind < static_cast<uint8_t>(Kind::ping) || kind > static_cast<uint8_t>(Kind::want)) return false;
    message.kind = static_cast<Kind>(kind);
    message.cluster_id = reader.u64();
    message.incarnation = reader.varint(kHighestIncarnation);
    message.version = reader.varint(kHighestIncarnation);
    message.wall_ms = reader.i64();
    message.digest.clear();
    message.wanted.clear();
    message.updates.clear();
    if (is_probing(message.kind)) {
        message.target = reader.u64();
        message.run = reader.u32();
        message.stamp_ms = reader.i64();
        if (has_view(message.kind)) read_view(reader, message.view);
    } else if (message.kind == Kind::summary) {
        message.hash = reader.u64();
    } else if (message.kind == Kind::digest) {
        message.digest.resize(reader.varint(kMaxDigest));
        for (auto& known : message.digest) {
            known.id = reader.u64();
            read_view(reader, known.view);
        }
    } else if (message.kind == Kind::want) {
        message.wanted.resize(reader.varint(kMaxDigest));
        for (NodeId& id : message.wanted) id = reader.u64();
    }
    while (reader.ok() && reader.left() > 0) read_update(reader, message.updates.emplace_back());
    return reader.finished();
}

}  // namespace torc

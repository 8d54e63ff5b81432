#include "node/internal_commands.h"

#include <charconv>
#include <vector>

#include "base/coding.h"
#include "base/config.h"
#include "base/hash.h"
#include "commands/call.h"
#include "commands/node_view.h"
#include "node/bus_message.h"
#include "node/cell_keyspace.h"
#include "repl/cell_trim.h"
#include "repl/stamp_clock.h"

namespace torc {
namespace {

CellKeyspace& cells_of(Call& call) {
    return static_cast<CellKeyspace&>(call.keys);
}

/// Why the pairs of a key and a cell can't be joined; empty when they can. `gaps`: some cells may be empty.
std::string_view refusal_of(const Call& call, bool gaps) {
    if (call.args.size() % 2 == 0) return "ERR a key without a cell";
    for (size_t i = 2; i < call.args.size(); i += 2) {
        if (gaps && call.args[i].empty()) continue;
        if (const std::string_view refusal = cell_refusal(call.args[i], call.now_ms); !refusal.empty())
            return refusal;
    }
    return {};
}

void merge(Call& call) {
    const bool has_gaps = &call.spec == &kHealCommand;
    if (const std::string_view refusal = refusal_of(call, has_gaps); !refusal.empty())
        return call.reply.error(refusal);
    for (size_t i = 1; i + 1 < call.args.size(); i += 2)
        if (!has_gaps || !call.args[i + 1].empty())
            (void)cells_of(call).merge(call.args[i], call.args[i + 1]);
}

/// May the key have been deleted, and the tombstone reaped, since this was written?
bool may_be_deleted(Call& call, std::string_view key, std::string_view cell) {
    const int64_t horizon_ms = call.node.config().live.tombstone_horizon_seconds.load() * 1000;
    const auto view = CellView::parse(cell);
    return view->exists() && stamp_ms(view->newest()) < call.now_ms - horizon_ms &&
           cells_of(call).cell(key).empty();
}

void offer(Call& call) {
    if (const std::string_view refusal = refusal_of(call, false); !refusal.empty())
        return call.reply.error(refusal);
    const size_t pairs = call.args.size() / 2;
    std::string reply(1 + (pairs + 7) / 8, '\0');
    reply[0] = '+';
    for (size_t n = 0; n < pairs; ++n) {
        const std::string_view key = call.args[1 + 2 * n], cell = call.args[2 + 2 * n];
        if (may_be_deleted(call, key, cell) || hides_live_parts(cells_of(call).cell(key), cell))
            reply[1 + n / 8] = static_cast<char>(reply[1 + n / 8] | 1 << n % 8);
        else
            (void)cells_of(call).merge(key, cell);
    }
    call.reply.raw(reply);
}

void digest(Call& call) {
    std::vector<uint64_t> digests;
    for (const std::string_view key : call.args.subspan(1))
        digests.push_back(cell_digest(cells_of(call).cell(key)));
    char bytes[9] = {'+'};
    store_le<uint64_t>(bytes + 1, combined_digest(digests));
    call.reply.raw({bytes, sizeof bytes});
}

void cells(Call& call) {
    std::string changes = "+";
    for (const std::string_view key : call.args.subspan(1)) {
        const std::string_view cell = cells_of(call).cell(key);
        if (!cell.empty()) append_change(changes, key, cell);
    }
    call.reply.raw(changes);
}

void flush_shard(Call& call) {
    unsigned shard = kShards;
    const std::string_view word = call.args[1];
    std::from_chars(word.data(), word.data() + word.size(), shard);
    if (shard >= kShards) return call.reply.error("ERR no such shard");
    cells_of(call).flush_shard(static_cast<ShardId>(shard));
}

void expire(Call& call) {
    for (const std::string_view key : call.args.subspan(1)) (void)cells_of(call).expire(key);
}

void evict(Call& call) {
    (void)cells_of(call).evict(call.args[1], call.args[2]);
}

EndedBefore unpack_ended(std::string_view bytes) {
    EndedBefore ended{{}, load_le<int64_t>(bytes.data())};
    for (size_t at = 8; at + 8 <= bytes.size(); at += 8)
        ended.at_work.push_back(load_le<uint64_t>(bytes.data() + at));
    return ended;
}

void trim(Call& call) {
    std::vector<CellKeyspace::OthersCell> others;
    for (size_t i = 3; i + 1 < call.args.size(); i += 2) {
        if (!call.args[i + 1].empty() && !cell_refusal(call.args[i + 1], call.now_ms).empty()) return;
        others.push_back({call.args[i + 1], call.args[i] == "owner"});
    }
    (void)cells_of(call).trim(call.args[1], others, unpack_ended(call.args[2]));
}

void forget(Call& call) {
    for (size_t i = 1; i + 1 < call.args.size(); i += 2) {
        const std::string_view cell = cells_of(call).cell(call.args[i]);
        if (!cell.empty() && call.args[i + 1].size() == 8 &&
            cell_digest(cell) == load_le<uint64_t>(call.args[i + 1].data()))
            cells_of(call).forget(call.args[i]);
    }
}

void relog(Call& call) {
    for (const std::string_view key : call.args.subspan(1)) cells_of(call).log_again(key);
}

}  // namespace

std::string pack_ended(const EndedBefore& ended) {
    std::string bytes;
    append_le<int64_t>(bytes, ended.before_ms);
    for (const ActorId actor : ended.at_work) append_le<uint64_t>(bytes, actor);
    return bytes;
}

std::optional<std::string_view> raw_reply(std::string_view reply) {
    if (reply.empty() || reply.front() != '+') return std::nullopt;
    return reply.substr(1);
}

namespace {

constexpr uint64_t kQuiet = kInternal | kSkipMonitor | kSkipSlowlog;
constexpr KeySpec kPairs[] = {{.flags = kKeyRW | kKeyUpdate, .last_key = -1, .step = 2}};
// A copy that can't be read any more is replaced by what is merged.
constexpr KeySpec kMerges[] = {{.flags = kKeyOW | kKeyUpdate, .last_key = -1, .step = 2}};
constexpr KeySpec kReads[] = {{.flags = kKeyRO | kKeyAccess, .last_key = -1}};
constexpr KeySpec kChanges[] = {{.flags = kKeyRW | kKeyDelete, .last_key = -1}};
constexpr KeySpec kOne[] = {{.flags = kKeyRW | kKeyDelete}};

}  // namespace

constexpr CommandSpec kMergeCommand{"merge", -3, kWrite | kDenyOom | kQuiet, 0, kMerges, merge};
constexpr CommandSpec kMergeAnywayCommand{"merge", -3, kWrite | kQuiet, 0, kMerges, merge};
constexpr CommandSpec kJoinCommand{"join", -3, kWrite | kQuiet, 0, kPairs, merge};
constexpr CommandSpec kHealCommand{"heal", -3, kWrite | kQuiet, 0, kMerges, merge};
constexpr CommandSpec kOfferCommand{"offer", -3, kWrite | kDenyOom | kQuiet, 0, kMerges, offer};
constexpr CommandSpec kOfferAnywayCommand{"offer", -3, kWrite | kQuiet, 0, kMerges, offer};
constexpr CommandSpec kDigestCommand{"digest", -2, kReadonly | kQuiet, 0, kReads, digest};
constexpr CommandSpec kCellsCommand{"cells", -2, kReadonly | kQuiet, 0, kReads, cells};
constexpr CommandSpec kFlushShardCommand{"flushshard", 2, kWrite | kLocksScan | kQuiet, 0, {}, flush_shard};
constexpr CommandSpec kExpireCommand{"expire", -2, kWrite | kQuiet, 0, kChanges, expire};
constexpr CommandSpec kEvictCommand{"evict", 3, kWrite | kQuiet, 0, kOne, evict};
constexpr CommandSpec kTrimCommand{"trim", -3, kWrite | kQuiet, 0, kOne, trim};
constexpr CommandSpec kForgetCommand{"forget", -3, kWrite | kQuiet, 0, kPairs, forget};
constexpr CommandSpec kRelogCommand{"relog", -2, kWrite | kQuiet, 0, kChanges, relog};

bool is_replicated(const CommandSpec& spec) {
    return (spec.flags & kInternal) == 0 || &spec == &kFlushShardCommand || &spec == &kExpireCommand ||
           &spec == &kEvictCommand || &spec == &kTrimCommand;
}

const CommandSpec* errand_command(std::string_view name) {
    return name == kFlushShardCommand.name ? &kFlushShardCommand : nullptr;
}

std::string_view cell_refusal(std::string_view cell, int64_t now_ms) {
    const auto view = CellView::parse(cell);
    if (!view) return "ERR malformed cell";
    if (!StampClock::acceptable(view->newest(), now_ms))
        return "ERR a cell from the far future: check the clocks";
    return {};
}

uint64_t cell_digest(std::string_view cell) {
    return cell.empty() ? 0 : CellView::parse(cell)->digest();
}

uint64_t combined_digest(std::span<const uint64_t> digests) {
    if (digests.size() == 1) return digests[0];
    return hash64({reinterpret_cast<const char*>(digests.data()), digests.size_bytes()}, 0);
}

}  // namespace torc

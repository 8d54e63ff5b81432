#include "node/cell_keyspace.h"

#include <utility>

#include "base/check.h"
#include "base/config.h"
#include "base/mutant.h"
#include "node/bus_message.h"
#include "node/cell_store.h"
#include "repl/cell_trim.h"

namespace torc {
namespace {

constexpr int kRandomDraws = 16;

}  // namespace

bool answers_for(const Topology& topology, NodeId self, ShardId shard) {
    for (const NodeId owner : topology.ring->owners(shard)) {
        if (owner == self) return true;
        const Peer* peer = topology.peer(owner);
        if (peer != nullptr && peer->usable()) return false;
    }
    return false;
}

void CellKeyspace::begin() {
    if (!edits_.empty()) finish();
    StoreKeyspace::begin();
    shown_.clear();
    scanning_ = false;
}

void CellKeyspace::finish() {
    while (!edits_.empty()) {
        const Edit edit = std::move(edits_.front());
        edits_.pop_front();
        put(edit.name, ValueType::string, edit.bytes, edit.expire_at_ms);
    }
    cached_ = {};
}

bool CellKeyspace::hidden(const CellView& view) const {
    const int64_t at = view.expire_at_ms();
    return at != kNoExpiry && at <= run_.now_ms;
}

WriteStamp CellKeyspace::stamp(std::string_view old) {
    ClusterCore& cluster = run_.cells->cluster();
    // A floor is older than the horizon, unless clocks were set back: what is born below it has ended.
    if (const Stamp floor = floor_of(old); __builtin_expect(floor != 0, 0))
        cluster.stamps.observe(floor, stamp_ms(floor) + 1);
    return {cluster.actor, cluster.stamps.next(run_.now_ms)};
}

std::string_view CellKeyspace::bytes_of(const KeyRef& key) {
    const Record* found = record(key);
    return found == nullptr ? std::string_view() : found->value();
}

std::optional<Value> CellKeyspace::visible(const KeyRef& key) {
    const std::string_view bytes = bytes_of(key);
    if (bytes.empty()) return std::nullopt;
    const auto view = CellView::parse(bytes);
    TORC_CHECK(view.has_value());
    if (!view->exists()) return std::nullopt;
    if (hidden(*view)) {
        if (run_.expired.size() < RunningCommand::kMostNoted) run_.expired.emplace_back(key.bytes);
        return std::nullopt;
    }
    if (const auto plain = view->plain_value()) return Value{ValueType::string, *plain, view->expire_at_ms()};
    shown_.emplace_back();
    const std::string_view sum = view->value(shown_.back());
    return Value{ValueType::string, sum, view->expire_at_ms()};
}

std::optional<Value> CellKeyspace::look(std::string_view key, unsigned traces) {
    const auto value = visible(ref(key));
    if ((traces & kCounted) != 0) count_look(value.has_value());
    if (value && (traces & kUsed) != 0 && run_.touch) run_.store.touch(cached_record_, run_.now_ms);
    return value;
}

void CellKeyspace::replace(const KeyRef& key, std::string_view cell) {
    cached_record_ = run_.cells->replace(run_.batch, key, record(key), cell);
    append_change(run_.changes, key.bytes, cell);
    ++run_.change_count;
    if (__builtin_expect(listed_entries(cell) > kUsualEntries, 0) && cell.size() <= kMostTrimmed &&
        run_.long_contexts.size() < RunningCommand::kMostNoted)
        run_.long_contexts.emplace_back(key.bytes);
}

void CellKeyspace::store(const KeyRef& key, std::string_view cell) {
    replace(key, cell);
    changed(key);
}

void CellKeyspace::put(std::string_view key, ValueType, std::string_view bytes, int64_t expire_at_ms) {
    const KeyRef at = ref(key);
    const std::string_view old = bytes_of(at);
    if (!old.empty() && CellView::parse(old)->siblings() > 1)
        ClusterCounters::add(run_.cells->cluster().counters.siblings_overwritten_unread);
    write_value(out_, old, stamp(old), bytes, expire_at_ms);
    store(at, out_);
}

std::span<char> CellKeyspace::edit(std::string_view key) {
    const auto value = visible(ref(key));
    TORC_CHECK(value.has_value());
    edits_.push_back({std::string(key), std::string(value->bytes), value->expire_at_ms});
    return edits_.back().bytes;
}

std::string_view CellKeyspace::countable(const KeyRef& key) {
    const std::string_view old = bytes_of(key);
    if (old.empty() || !hidden(*CellView::parse(old))) return old;
    write_delete(out_, old, stamp(old));
    store(key, out_);
    return bytes_of(key);
}

void CellKeyspace::add(std::string_view key, int64_t amount, std::string_view result, int64_t expire_at_ms) {
    const KeyRef at = ref(key);
    // A total that can't grow any further: the sum becomes the value.
    const std::string_view old = countable(at);
    if (!write_add(out_, old, stamp(old), amount)) return put(key, ValueType::string, result, expire_at_ms);
    store(at, out_);
}

void CellKeyspace::add_decimal(std::string_view key, long double amount, std::string_view result,
                               int64_t expire_at_ms) {
    const KeyRef at = ref(key);
    const std::string_view old = countable(at);
    if (!write_add_decimal(out_, old, stamp(old), amount))
        return put(key, ValueType::string, result, expire_at_ms);
    store(at, out_);
}

Siblings CellKeyspace::siblings(std::string_view key) {
    Siblings found{std::string(kEmptyContext), {}, kNoExpiry};
    const std::string_view bytes = bytes_of(ref(key));
    if (bytes.empty()) return found;
    const auto view = CellView::parse(bytes);
    found.token = context_token(view->context());
    if (!view->exists() || hidden(*view)) return found;
    found.values = view->values();
    found.expire_at_ms = view->expire_at_ms();
    return found;
}

bool CellKeyspace::put_resolved(std::string_view key, std::string_view token, std::string_view bytes,
                                int64_t expire_at_ms) {
    Context seen;
    if (token != kEmptyContext) {
        const auto parsed = parse_context_token(token);
        if (!parsed) return false;
        seen = *parsed;
    }
    const KeyRef at = ref(key);
    const std::string_view old = bytes_of(at);
    write_resolved(out_, old, stamp(old), bytes, expire_at_ms, std::move(seen), run_.siblings.most(key));
    store(at, out_);
    return true;
}

bool CellKeyspace::erase(std::string_view key) {
    const KeyRef at = ref(key);
    if (!visible(at)) return false;
    const std::string_view old = bytes_of(at);
    write_delete(out_, old, stamp(old));
    store(at, out_);
    return true;
}

void CellKeyspace::set_expiry(std::string_view key, int64_t at_ms) {
    const KeyRef at = ref(key);
    TORC_CHECK(visible(at).has_value());
    const std::string_view old = bytes_of(at);
    write_expiry(out_, old, stamp(old), at_ms);
    store(at, out_);
}

std::string_view CellKeyspace::cell(std::string_view key) {
    return bytes_of(ref(key));
}

bool CellKeyspace::merge(std::string_view key, std::string_view incoming) {
    const KeyRef at = ref(key);
    ClusterCounters& counters = run_.cells->cluster().counters;
    size_t dropped = 0;
    ClusterCounters::add(counters.merges);
    if (merge_cells(out_, bytes_of(at), incoming, run_.siblings.most(key), &dropped) == Merged::unchanged)
        return false;
    ClusterCounters::add(counters.merges_new);
    if (dropped != 0) ClusterCounters::add(counters.siblings_dropped, dropped);
    const auto view = CellView::parse(out_);
    run_.cells->cluster().stamps.observe(view->newest(), run_.now_ms + StampClock::kObserveAheadMs);
    const size_t siblings = view->siblings();
    if (siblings > 1) {
        ClusterCounters::add(counters.siblings_made);
        uint64_t most = counters.most_siblings.load(std::memory_order_relaxed);
        while (most < siblings && !counters.most_siblings.compare_exchange_weak(most, siblings)) {
        }
    }
    cached_record_ = run_.cells->replace(run_.batch, at, record(at), out_);
    changed(at);
    return true;
}

bool CellKeyspace::expire(std::string_view key) {
    const KeyRef at = ref(key);
    const std::string_view bytes = bytes_of(at);
    if (bytes.empty()) return false;
    const auto view = CellView::parse(bytes);
    if (!view->exists() || !hidden(*view)) return false;
    write_delete(out_, bytes, stamp(bytes));
    replace(at, out_);
    KeyspaceCounters::add(run_.counters.expired);
    if (run_.watches.any(at.shard())) run_.watches.touch_expired(at.shard(), watch_db(), at.bytes);
    return true;
}

bool CellKeyspace::decides_alone(ShardId shard) const {
    const ClusterCore& cluster = run_.cells->cluster();
    return mine(shard) && cluster.settled(shard) && cluster.taken(shard);
}

bool CellKeyspace::evict(std::string_view key, std::string_view mark) {
    const KeyRef at = ref(key);
    run_.cells->cluster().evictions.ran(at.hash);
    const Record* const found = record(at);
    if (found == nullptr || eviction_mark(*found) != mark || !decides_alone(at.shard())) return false;
    const auto view = CellView::parse(found->value());
    if (!view->exists()) return false;
    if (hidden(*view)) return expire(key);
    write_delete(out_, found->value(), stamp(found->value()));
    store(at, out_);
    KeyspaceCounters::add(run_.counters.evicted);
    return true;
}

bool CellKeyspace::trim(std::string_view key, std::span<const OthersCell> others, const EndedBefore& ended) {
    const KeyRef at = ref(key);
    const std::string_view mine = bytes_of(at);
    if (mine.empty() || !decides_alone(at.shard()) || hidden(*CellView::parse(mine))) return false;
    std::vector<Context> known;
    for (const OthersCell& other : others) {
        if ((other.cell.empty() && !other.owner) || mutant("entry-retired-early")) continue;
        if (other.cell.empty() || merge_cells(out_, mine, other.cell, SIZE_MAX) != Merged::unchanged)
            return false;
        known.push_back(CellView::parse(other.cell)->context());
    }
    const auto may = [&](const Dot& entry) {
        return (ended(entry) || mutant("entry-retired-early")) &&
               std::ranges::all_of(known, [&](const Context& context) { return context.covers(entry); });
    };
    if (trim_cell(out_, mine, may)) {
        ClusterCounters::add(run_.cells->cluster().counters.entries_retired,
                             listed_entries(mine) - listed_entries(out_));
    } else if (needs_fold(mine, may)) {
        const auto view = CellView::parse(mine);
        std::string sum;
        write_value(out_, mine, stamp(mine), view->value(sum), view->expire_at_ms());
    } else {
        return false;
    }
    replace(at, out_);
    return true;
}

void CellKeyspace::forget(std::string_view key) {
    const KeyRef at = ref(key);
    Record* found = record(at);
    if (found == nullptr) return;
    run_.cells->forget(run_.batch, at, found);
    cached_ = {};
}

void CellKeyspace::log_again(std::string_view key) {
    const KeyRef at = ref(key);
    Record* found = record(at);
    if (found == nullptr) return;
    out_ = found->value();
    cached_record_ = run_.store.put(run_.batch, 0, at, found, ValueType::cell, out_, kNoExpiry);
}

// ---- walking

uint64_t CellKeyspace::size() const {
    int64_t sum = 0;
    for (unsigned shard = 0; shard < kShards; ++shard)
        if (mine(static_cast<ShardId>(shard))) sum += run_.cells->cluster().cells[shard].keys.load();
    return static_cast<uint64_t>(sum);
}

uint64_t CellKeyspace::expires() const {
    int64_t sum = 0;
    for (unsigned shard = 0; shard < kShards; ++shard)
        if (mine(static_cast<ShardId>(shard))) sum += run_.cells->cluster().cells[shard].with_expiry.load();
    return static_cast<uint64_t>(sum);
}

bool CellKeyspace::mine(ShardId shard) const {
    return answers_for(*run_.topology, run_.cells->cluster().self, shard);
}

std::optional<ColdName> CellKeyspace::name_of(Record* record, LogAddress address) {
    std::optional<ColdName> name;
    std::string_view bytes;
    if (record != nullptr) {
        name = ColdName{std::string(record->key()), ValueType::string, kNoExpiry, true, {}};
        bytes = record->value();
    } else if (run_.read_in_place) {
        Result<StoredRecord> stored = run_.store.segments().read(address, 0);
        if (!stored) return std::nullopt;
        name = ColdName{std::string(stored->key), ValueType::string, kNoExpiry, true,
                        std::string(stored->value)};
        bytes = name->cell;
    } else {
        name = StoreKeyspace::name_of(record, address);
        if (!name) return std::nullopt;
        bytes = name->cell;
    }
    const auto view = CellView::parse(bytes);
    if (!view || !view->exists() || hidden(*view)) return std::nullopt;
    name->type = ValueType::string;
    return name;
}

unsigned CellKeyspace::next_to_walk(unsigned slot, bool passes_others) const {
    while (slot < kSlots) {
        const ShardId shard = shard_of(static_cast<SlotId>(slot));
        const auto& keys = run_.cells->cluster().cells[shard].keys;
        if (mine(shard) ? keys.load(std::memory_order_relaxed) != 0 : !passes_others) return slot;
        slot = (shard + 1u) * kSlotsPerShard;
    }
    return kSlots;
}

uint64_t CellKeyspace::scan(uint64_t cursor, const Visit& visit) {
    if (cursor >= kSlots) return 0;
    const bool all = run_.locks.holds_all();
    // KEYS visits what this node answers for; SCAN goes on until another node has to.
    const bool passes_others = all || run_.own_shards_only;
    const unsigned slot = next_to_walk(static_cast<unsigned>(cursor), passes_others);
    // Where it begins it was sent to, even if others come first there.
    const bool sent_here = !std::exchange(scanning_, true) && slot == cursor;
    if (slot == kSlots) return 0;
    const ShardId shard = shard_of(static_cast<SlotId>(slot));
    if (!passes_others && !sent_here && !mine(shard)) return slot;
    if (!all && !run_.locks.try_take_one(shard)) {
        run_.lock_missed = true;
        return 0;
    }
    run_.store.walk_slot(0, static_cast<SlotId>(slot), [&](Record* record, LogAddress address) {
        if (const auto name = name_of(record, address)) visit(name->key, name->type);
    });
    const unsigned next = next_to_walk(slot + 1, passes_others);
    return next == kSlots ? 0 : next;
}

std::optional<std::string_view> CellKeyspace::random_key() {
    const uint64_t total = size();
    if (total == 0) return std::nullopt;
    uint64_t n = run_.random % total;
    unsigned first = 0;
    for (; first < kShards; ++first) {
        if (!mine(static_cast<ShardId>(first))) continue;
        const auto here = static_cast<uint64_t>(run_.cells->cluster().cells[first].keys.load());
        if (n < here) break;
        n -= here;
    }
    for (unsigned step = 0; step < kShards; ++step) {
        const auto shard = static_cast<ShardId>((first + step) % kShards);
        if (!mine(shard) || run_.cells->cluster().cells[shard].keys.load() == 0) continue;
        if (!run_.locks.holds_all() && !run_.locks.try_take_one(shard)) {
            run_.lock_missed = true;
            return std::nullopt;
        }
        for (uint64_t draw = 0; draw < kRandomDraws; ++draw) {
            const Lookup entry =
                run_.store.random_entry(0, shard, run_.random + draw * 0x9e3779b97f4a7c15ULL);
            if (entry.state == Lookup::State::absent) break;
            if (const auto name = name_of(entry.record, entry.address)) return random_name_ = name->key;
            if (unfinished()) return std::nullopt;
        }
    }
    return std::nullopt;
}

void CellKeyspace::flush(bool) {
    for (unsigned shard = 0; shard < kShards; ++shard)
        if (mine(static_cast<ShardId>(shard))) flush_shard(static_cast<ShardId>(shard));
}

void CellKeyspace::flush_shard(ShardId shard) {
    if (!run_.locks.holds_all() && !run_.locks.try_take_one(shard)) {
        run_.lock_missed = true;
        return;
    }
    std::vector<LogAddress> cold;
    std::vector<std::string> names;
    for (unsigned slot = shard * kSlotsPerShard; slot < (shard + 1u) * kSlotsPerShard; ++slot)
        run_.store.walk_slot(0, static_cast<SlotId>(slot), [&](Record* record, LogAddress address) {
            if (record == nullptr)
                cold.push_back(address);
            else
                names.emplace_back(record->key());
        });
    for (const LogAddress address : cold) {
        Result<StoredRecord> stored = run_.store.segments().read(address, 0);
        if (!stored || stored->value_damaged) continue;
        const KeyRef key = make_key_ref(stored->key, run_.store.hash_seed());
        if (!run_.store.install(0, key, address, *stored)) continue;
        run_.store.unpin(0, key);
        names.emplace_back(stored->key);
    }
    for (const std::string& name : names)
        if (!expire(name)) (void)erase(name);
}

void CellKeyspace::swap(unsigned, unsigned) {
    TORC_CHECK(!"a cluster has one database: the dispatcher refuses SWAPDB");
}

}  // namespace torc

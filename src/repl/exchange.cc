// The initiator's side of an exchange. Ranges that may differ lie on a stack; comparing one yields keys to
// pull, keys to push, or smaller ranges. Pulls go first, then pushes, and only then are further ranges
// compared or asked for: what is pending is never more than a page and a leaf.
#include "repl/exchange.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "repl/exchange_message.h"
#include "repl/key_range.h"

namespace torc {

struct Exchange::Impl {
    Impl(ExchangeCopy& of, ShardId of_shard) : copy(of), shard(of_shard) {}

    struct Arrived {
        std::string key, cell;
        bool joined = false;
    };

    ExchangeCopy& copy;
    const ShardId shard;
    ExchangeStats stats;
    bool was_equal = false;
    bool failed = false;

    // What was asked last, until its reply has come.
    enum class Asked : uint8_t { nothing, roots, leaves, ranges, pull, push };
    Asked asked = Asked::nothing;
    bool begun = false;
    std::string request;  // built, not yet fetched
    uint16_t slots_asked = 0;
    std::vector<std::string> keys_asked;  // of a pull or push

    std::vector<KeyRange> ranges;  // that may differ; the next at the back
    std::string after;             // in the range at the back
    RangesRequest ranges_asked;
    std::string ranges_bytes;  // of the reply that is being compared
    RangesReply ranges_reply;  // refers into them; empty: none
    size_t compared = 0;       // of its ranges
    std::vector<KeyRange> narrowed;
    std::deque<std::string> to_pull, to_push;
    std::deque<Arrived> arrived;

    // ---- what goes out
    State next();
    State ask(Asked what, std::string bytes);
    State ask_leaves();
    State ask_ranges();
    State ask_pull();
    State ask_push();

    // ---- what comes in
    bool take_reply(std::string_view bytes);
    bool take_roots(std::string_view bytes);
    bool take_leaves(std::string_view bytes);
    bool take_ranges(std::string_view bytes);
    bool take_pulled(std::string_view bytes);
    bool take_pushed(std::string_view bytes);
    /// What is left of keys_asked behind the first `done` goes back to the front of the queue.
    void put_back(std::deque<std::string>& queue, size_t done);

    // ---- comparing and joining; false: something can't be had now
    bool join_arrived();
    bool compare_ranges();
    void compare_range(const KeyRange& range, const RangeContent& theirs, const LeafListing& listing);
    void compare(std::span<const LeafListing::Entry> ours, std::span<const ListedKey> theirs);
    bool page_is_full() const { return to_pull.size() + to_push.size() >= kPageKeys; }
};

Exchange::Exchange(ExchangeCopy& copy, ShardId shard) : impl_(std::make_unique<Impl>(copy, shard)) {}
Exchange::~Exchange() = default;

const ExchangeStats& Exchange::stats() const {
    return impl_->stats;
}

bool Exchange::was_equal() const {
    return impl_->was_equal;
}

ShardId Exchange::shard() const {
    return impl_->shard;
}

Exchange::State Exchange::step() {
    Impl& self = *impl_;
    if (self.failed) return State::failed;
    if (!self.request.empty()) return State::request;
    if (self.asked != Impl::Asked::nothing) return State::waiting;
    return self.next();
}

std::string Exchange::next_request() {
    Impl& self = *impl_;
    if (self.request.empty()) return {};
    ++self.stats.requests;
    self.stats.bytes_out += self.request.size();
    return std::exchange(self.request, {});
}

void Exchange::on_reply(std::string_view reply) {
    Impl& self = *impl_;
    self.stats.bytes_in += reply.size();
    const bool due = self.request.empty() && self.asked != Impl::Asked::nothing;
    if (!due || !self.take_reply(reply)) self.failed = true;
}

// ---- what goes out

Exchange::State Exchange::Impl::next() {
    if (!begun) {
        begun = true;
        return ask(Asked::roots, encode(RootsRequest{shard, copy.forest().root(shard)}));
    }
    if (slots_asked != 0) return ask_leaves();
    for (;;) {
        if (!join_arrived() || !compare_ranges()) return State::later;
        if (!to_pull.empty()) return ask_pull();
        if (to_push.empty()) return ranges.empty() ? State::done : ask_ranges();
        if (const State state = ask_push(); state != State::done) return state;
    }
}

Exchange::State Exchange::Impl::ask(Asked what, std::string bytes) {
    asked = what;
    request = std::move(bytes);
    return State::request;
}

Exchange::State Exchange::Impl::ask_leaves() {
    return ask(Asked::leaves, encode(LeavesRequest{shard, slots_asked}));
}

Exchange::State Exchange::Impl::ask_ranges() {
    const size_t count = std::min(ranges.size(), kMaxRangesAsked);
    ranges_asked.shard = shard;
    ranges_asked.ranges.assign(ranges.rbegin(), ranges.rbegin() + static_cast<std::ptrdiff_t>(count));
    ranges_asked.after = after;
    return ask(Asked::ranges, encode(ranges_asked));
}

Exchange::State Exchange::Impl::ask_pull() {
    PullRequest asking{.shard = shard, .keys = {}};
    size_t bytes = 0;
    while (!to_pull.empty() && keys_asked.size() < kPageKeys) {
        bytes += to_pull.front().size();
        if (!keys_asked.empty() && bytes > kPageBytes) break;
        keys_asked.push_back(std::move(to_pull.front()));
        to_pull.pop_front();
    }
    asking.keys.assign(keys_asked.begin(), keys_asked.end());
    return ask(Asked::pull, encode(asking));
}

/// `done`: there was nothing to push after all.
Exchange::State Exchange::Impl::ask_push() {
    std::deque<std::string> cells;
    size_t bytes = 0;
    bool later = false;
    while (!to_push.empty() && keys_asked.size() < kPageKeys) {
        std::string cell;
        const ExchangeCopy::Read read = copy.read(to_push.front(), cell);
        later = read == ExchangeCopy::Read::later;
        if (later) break;
        const size_t size = to_push.front().size() + cell.size();
        const bool too_large = size > kMaxExchangeItem;
        if (read == ExchangeCopy::Read::found && !too_large) {
            if (!keys_asked.empty() && bytes + size > kPageBytes) break;
            bytes += size;
            keys_asked.push_back(std::move(to_push.front()));
            cells.push_back(std::move(cell));
        }
        if (too_large) ++stats.too_large;
        to_push.pop_front();
    }
    if (keys_asked.empty()) return later ? State::later : State::done;
    PushRequest asking{.shard = shard, .cells = {}};
    for (size_t i = 0; i < cells.size(); ++i) asking.cells.push_back({keys_asked[i], cells[i]});
    return ask(Asked::push, encode(asking));
}

// ---- what comes in

bool Exchange::Impl::take_reply(std::string_view bytes) {
    switch (std::exchange(asked, Asked::nothing)) {
        case Asked::nothing:
            return false;
        case Asked::roots:
            return take_roots(bytes);
        case Asked::leaves:
            return take_leaves(bytes);
        case Asked::ranges:
            return take_ranges(bytes);
        case Asked::pull:
            return take_pulled(bytes);
        case Asked::push:
            return take_pushed(bytes);
    }
    return false;
}

bool Exchange::Impl::take_roots(std::string_view bytes) {
    const auto reply = parse_reply(RootsRequest{}, bytes);
    if (!reply) return false;
    was_equal = reply->equal;
    for (unsigned i = 0; i < kSlotsPerShard && !was_equal; ++i) {
        const auto slot = static_cast<SlotId>(shard * kSlotsPerShard + i);
        if (copy.forest().slot_hash(slot) != reply->slots[i]) slots_asked |= static_cast<uint16_t>(1u << i);
    }
    return true;
}

bool Exchange::Impl::take_leaves(std::string_view bytes) {
    const auto reply = parse_reply(LeavesRequest{shard, slots_asked}, bytes);
    if (!reply) return false;
    size_t at = 0;
    for (unsigned i = 0; i < kSlotsPerShard; ++i) {
        if ((slots_asked >> i & 1) == 0) continue;
        const auto slot = static_cast<SlotId>(shard * kSlotsPerShard + i);
        const auto ours = copy.forest().leaves(slot);
        const auto& theirs = reply->slots[at++];
        for (unsigned leaf = 0; leaf < kLeavesPerSlot; ++leaf) {
            if (ours[leaf] != theirs[leaf]) ranges.push_back({slot, static_cast<uint8_t>(leaf), 0, 0});
        }
    }
    slots_asked = 0;
    return true;
}

bool Exchange::Impl::take_ranges(std::string_view bytes) {
    ranges_bytes = bytes;
    auto reply = parse_reply(ranges_asked, ranges_bytes);
    if (!reply) return false;
    ranges_reply = std::move(*reply);
    return true;
}

bool Exchange::Impl::take_pulled(std::string_view bytes) {
    const auto reply = parse_pull_reply(keys_asked.size(), bytes);
    if (!reply) return false;
    for (size_t i = 0; i < reply->cells.size(); ++i) {
        const PulledCell& pulled = reply->cells[i];
        if (pulled.kind == PulledCell::Kind::too_large) ++stats.too_large;
        if (pulled.kind != PulledCell::Kind::found) continue;
        arrived.push_back({std::move(keys_asked[i]), std::string(pulled.cell), false});
        ++stats.pulled;
    }
    put_back(to_pull, reply->cells.size());
    return true;
}

bool Exchange::Impl::take_pushed(std::string_view bytes) {
    const auto reply = parse_push_reply(keys_asked.size(), bytes);
    if (!reply) return false;
    stats.pushed += reply->merged;
    put_back(to_push, reply->merged);
    return true;
}

void Exchange::Impl::put_back(std::deque<std::string>& queue, size_t done) {
    for (size_t i = keys_asked.size(); i > done; --i) queue.push_front(std::move(keys_asked[i - 1]));
    keys_asked.clear();
}

// ---- comparing and joining

bool Exchange::Impl::join_arrived() {
    for (; !arrived.empty(); arrived.pop_front()) {
        Arrived& item = arrived.front();
        if (!item.joined && !copy.merge(item.key, item.cell)) return false;
        item.joined = true;
        std::string now;
        const ExchangeCopy::Read read = copy.read(item.key, now);
        if (read == ExchangeCopy::Read::later) return false;
        if (read == ExchangeCopy::Read::found && now != item.cell) to_push.push_back(std::move(item.key));
    }
    return true;
}

bool Exchange::Impl::compare_ranges() {
    if (ranges_reply.ranges.empty()) return true;
    LeafListing listing;
    for (; compared < ranges_reply.ranges.size(); ++compared) {
        if (page_is_full()) return true;
        const KeyRange& range = ranges_asked.ranges[compared];
        if (!listing.load(copy, range.slot, range.leaf)) return false;
        compare_range(range, ranges_reply.ranges[compared], listing);
    }
    if (ranges_reply.ranges.front().more) {
        after = ranges_reply.ranges.front().keys.back().key;
    } else {
        after.clear();
        ranges.resize(ranges.size() - compared);
        ranges.insert(ranges.end(), narrowed.rbegin(), narrowed.rend());
    }
    ranges_reply.ranges.clear();
    compared = 0;
    narrowed.clear();
    return true;
}

void Exchange::Impl::compare_range(const KeyRange& range, const RangeContent& theirs,
                                   const LeafListing& listing) {
    auto ours = listing.in(range, compared == 0 ? ranges_asked.after : std::string_view());
    if (theirs.children.empty()) {
        // Of a page, only up to its last key.
        if (theirs.more) ours = ours.first(ours.size() - listing.in(range, theirs.keys.back().key).size());
        return compare(ours, theirs.keys);
    }
    const auto hashes = child_hashes(range, ours);
    for (unsigned i = 0; i < kRangeFanOut; ++i) {
        if (hashes[i] == theirs.children[i]) continue;
        if (theirs.children[i] != 0) {
            narrowed.push_back(range.child(i));
        } else {
            compare(listing.in(range.child(i)), {});  // the peer has nothing there: no need to ask
        }
    }
}

void Exchange::Impl::compare(std::span<const LeafListing::Entry> ours, std::span<const ListedKey> theirs) {
    stats.keys_compared += ours.size() + theirs.size();
    size_t o = 0, t = 0;
    while (o < ours.size() || t < theirs.size()) {
        const bool only_ours =
            t == theirs.size() ||
            (o < ours.size() &&
             listed_before(ours[o].hash, ours[o].key.key, merkle_key_hash(theirs[t].key), theirs[t].key));
        if (only_ours) {
            ++stats.keys_differing;
            to_push.push_back(ours[o++].key.key);
            continue;
        }
        const bool both = o < ours.size() && ours[o].key.key == theirs[t].key;
        if (both) --stats.keys_compared;
        if (!both || ours[o].key.digest != theirs[t].digest) {
            ++stats.keys_differing;
            to_pull.emplace_back(theirs[t].key);
        }
        if (both) ++o;
        ++t;
    }
}

}  // namespace torc

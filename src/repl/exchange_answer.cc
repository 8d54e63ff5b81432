// The responder's side of an exchange: each request is answered from the copy as it is now.
#include <algorithm>
#include <utility>

#include "base/mutant.h"
#include "repl/exchange.h"
#include "repl/exchange_message.h"
#include "repl/key_range.h"

namespace torc {
namespace {

constexpr size_t kListedKeys = 64;         // a range with more is narrowed down instead of listed
constexpr size_t kListingBudget = 16'384;  // keys looked at for one request, beyond the first leaf
constexpr size_t kDigestBytes = 10;        // of a listed key: its digest and the length of its length

const std::string kLater;

class Answerer {
  public:
    explicit Answerer(ExchangeCopy& copy) : copy_(copy) {}

    std::string operator()(const RootsRequest& request) {
        RootsReply reply;
        reply.equal = mutant("exchange-blind") || copy_.forest().root(request.shard) == request.root;
        for (unsigned i = 0; i < kSlotsPerShard; ++i) {
            reply.slots[i] = copy_.forest().slot_hash(slot_of(request.shard, i));
        }
        return encode(reply);
    }

    std::string operator()(const LeavesRequest& request) {
        LeavesReply reply;
        for (unsigned i = 0; i < kSlotsPerShard; ++i) {
            if ((request.slots >> i & 1) != 0) {
                reply.slots.push_back(copy_.forest().leaves(slot_of(request.shard, i)));
            }
        }
        return encode(reply);
    }

    std::string operator()(const RangesRequest& request);
    std::string operator()(const PushRequest& request);
    std::string operator()(const PullRequest& request);

  private:
    static SlotId slot_of(ShardId shard, unsigned i) {
        return static_cast<SlotId>(shard * kSlotsPerShard + i);
    }
    bool list(const KeyRange& range, std::string_view after, RangeContent& content);

    ExchangeCopy& copy_;
    LeafListing listing_;
    std::vector<LeafListing> kept_;  // what a reply that isn't encoded yet refers into
    size_t keys_ = 0, bytes_ = 0;    // in the reply so far
};

/// Adds the range to the reply; false when this page has no room for it.
bool Answerer::list(const KeyRange& range, std::string_view after, RangeContent& content) {
    const auto entries = listing_.in(range, after);
    size_t bytes = 0;
    for (const auto& entry : entries) bytes += entry.key.key.size() + kDigestBytes;

    const bool many = entries.size() > kListedKeys || (entries.size() > 1 && bytes > Exchange::kPageBytes);
    if (many && range.depth < kDeepestRange) {
        content.children = child_hashes(range, entries);
        bytes_ += kRangeFanOut * sizeof(uint64_t);
        return true;
    }
    const bool fits = keys_ + entries.size() <= Exchange::kPageKeys && bytes_ + bytes <= Exchange::kPageBytes;
    if (!fits && bytes_ > 0) return false;
    for (const auto& entry : entries) {
        const size_t size = entry.key.key.size() + kDigestBytes;
        const bool full = keys_ == Exchange::kPageKeys || bytes_ + size > Exchange::kPageBytes;
        // The next page begins behind the last key of this one, and behind an empty key has no name.
        if (full && !content.keys.empty() && !content.keys.back().key.empty()) {
            content.more = true;
            break;
        }
        content.keys.push_back({entry.key.key, entry.key.digest});
        ++keys_;
        bytes_ += size;
    }
    bytes_ += 3;
    return true;
}

std::string Answerer::operator()(const RangesRequest& request) {
    RangesReply reply;
    std::string encoded;
    size_t listed = 0;
    kept_.reserve(request.ranges.size());
    for (const KeyRange& range : request.ranges) {
        if (!listing_.is_of(range.slot, range.leaf)) {
            if (!reply.ranges.empty() && listed >= kListingBudget) break;
            if (!reply.ranges.empty()) kept_.push_back(std::exchange(listing_, {}));
            if (!listing_.load(copy_, range.slot, range.leaf)) break;
            listed += listing_.size();
        }
        RangeContent content;
        if (!list(range, reply.ranges.empty() ? request.after : std::string_view(), content)) break;
        reply.ranges.push_back(std::move(content));
        if (reply.ranges.back().more || bytes_ >= Exchange::kPageBytes) break;
    }
    return reply.ranges.empty() ? kLater : encode(reply);
}

std::string Answerer::operator()(const PushRequest& request) {
    PushReply reply;
    for (const KeyAndCell& item : request.cells) {
        if (!copy_.merge(item.key, item.cell)) break;
        ++reply.merged;
    }
    return reply.merged == 0 ? kLater : encode(reply);
}

std::string Answerer::operator()(const PullRequest& request) {
    PullReply reply;
    std::vector<std::string> cells(request.keys.size());
    for (size_t i = 0; i < request.keys.size(); ++i) {
        std::string& cell = cells[i];
        const ExchangeCopy::Read read = copy_.read(request.keys[i], cell);
        if (read == ExchangeCopy::Read::later) break;
        PulledCell pulled;
        if (read == ExchangeCopy::Read::found) {
            const bool too_large = request.keys[i].size() + cell.size() > kMaxExchangeItem;
            pulled.kind = too_large ? PulledCell::Kind::too_large : PulledCell::Kind::found;
            if (!too_large) pulled.cell = cell;
        }
        if (!reply.cells.empty() && bytes_ + pulled.cell.size() > Exchange::kPageBytes) break;
        bytes_ += pulled.cell.size();
        reply.cells.push_back(pulled);
    }
    return reply.cells.empty() ? kLater : encode(reply);
}

}  // namespace

std::optional<std::string> answer_exchange(ExchangeCopy& copy, std::string_view request) {
    const auto parsed = parse_exchange_request(request);
    if (!parsed) return std::nullopt;
    return std::visit(Answerer(copy), *parsed);
}

}  // namespace torc

// A replica's copy for the tests of exchanges: a map from key to cell, where a cell is a string and joining
// two takes the larger. Calls can be made to answer "later".
#pragma once

#include <array>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "cluster/slots.h"
#include "repl/exchange.h"

namespace torc {

class FakeExchangeCopy : public ExchangeCopy {
  public:
    /// A local write.
    void set(const std::string& key, const std::string& cell) {
        std::string& present = place_of(key)[key];
        const uint64_t before = present.empty() ? 0 : entry_hash(key, digest_of(present));
        forest_.update(key_slot(key), key, before, cell.empty() ? 0 : entry_hash(key, digest_of(cell)));
        present = cell;
        if (cell.empty()) place_of(key).erase(key);
    }
    /// Gone without a trace, as an evicted key.
    void drop(const std::string& key) { set(key, ""); }

    std::map<std::string, std::string> all() const {
        std::map<std::string, std::string> out;
        for (const auto& [place, keys] : places_) out.insert(keys.begin(), keys.end());
        return out;
    }
    std::string cell(const std::string& key) const {
        const auto place = places_.find({key_slot(key), leaf_of_key(key)});
        if (place == places_.end()) return "";
        const auto found = place->second.find(key);
        return found == place->second.end() ? "" : found->second;
    }

    /// Of the calls that can answer "later" the n-th from now does (1: the next), and then each n-th again
    /// when `repeat`. 0: none.
    void later_at(size_t n, bool repeat = false) {
        later_at_ = n;
        calls_ = 0;
        repeat_ = repeat;
    }
    void always_later(bool on) { always_later_ = on; }
    size_t calls() const { return calls_; }

    const MerkleForest& forest() const override { return forest_; }
    bool list(SlotId slot, unsigned leaf, std::vector<KeyDigest>& out) override {
        if (is_later()) return false;
        const auto place = places_.find({slot, leaf});
        if (place == places_.end()) return true;
        for (const auto& [key, cell] : place->second) out.push_back({key, digest_of(cell)});
        listed += place->second.size();
        return true;
    }
    Read read(std::string_view key, std::string& cell) override {
        if (is_later()) return Read::later;
        cell = this->cell(std::string(key));
        return cell.empty() ? Read::absent : Read::found;
    }
    bool merge(std::string_view key, std::string_view cell) override {
        if (is_later()) return false;
        ++merges;
        shards_merged[shard_of(key_slot(key))] = true;
        if (cell > this->cell(std::string(key))) set(std::string(key), std::string(cell));
        return true;
    }

    size_t merges = 0, listed = 0;
    std::array<bool, kShards> shards_merged{};

  private:
    using Place = std::pair<SlotId, unsigned>;

    static uint64_t digest_of(std::string_view cell) { return hash64(cell, 99); }
    std::map<std::string, std::string>& place_of(const std::string& key) {
        return places_[{key_slot(key), leaf_of_key(key)}];
    }
    bool is_later() {
        if (always_later_) return true;
        if (later_at_ == 0 || ++calls_ < later_at_) return false;
        if (calls_ == later_at_ && repeat_) calls_ = 0;
        return calls_ == later_at_ || repeat_;
    }

    MerkleForest forest_;
    std::map<Place, std::map<std::string, std::string>> places_;
    size_t later_at_ = 0, calls_ = 0;
    bool repeat_ = false, always_later_ = false;
};

}  // namespace torc

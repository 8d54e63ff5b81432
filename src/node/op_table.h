// Operations under way, found by their number. The number is where the operation stands and when it began, so
// that an answer finds it in one step and one that comes too late finds nothing; places are used again.
//
// Thread rule: the owner's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/check.h"
#include "node/bus_op.h"

namespace torc {

class OpTable {
  public:
    /// Gives the op its number, never 0.
    void add(std::unique_ptr<BusOp> op) {
        size_t place = places_.size();
        if (free_.empty()) {
            TORC_CHECK(place < kMost);
            places_.emplace_back();
        } else {
            place = free_.back();
            free_.pop_back();
        }
        op->number = ++begun_ << kPlaceBits | place;
        places_[place] = std::move(op);
    }
    /// Null when it's over.
    BusOp* find(uint64_t number) const {
        const uint64_t place = number & (kMost - 1);
        if (place >= places_.size()) return nullptr;
        BusOp* op = places_[place].get();
        return op != nullptr && op->number == number ? op : nullptr;
    }
    void erase(uint64_t number) {
        if (find(number) == nullptr) return;
        const uint64_t place = number & (kMost - 1);
        free_.push_back(static_cast<uint32_t>(place));
        // Its end may look for others, or add some.
        const std::unique_ptr<BusOp> over = std::move(places_[place]);
    }
    void clear() {
        while (!places_.empty()) {
            const std::unique_ptr<BusOp> over = std::move(places_.back());
            places_.pop_back();
        }
        free_.clear();
    }
    /// Of all, the oldest first.
    std::vector<uint64_t> numbers() const {
        std::vector<uint64_t> all;
        for (const auto& op : places_)
            if (op != nullptr) all.push_back(op->number);
        std::ranges::sort(all);
        return all;
    }

  private:
    static constexpr unsigned kPlaceBits = 28;
    static constexpr size_t kMost = size_t{1} << kPlaceBits;

    std::vector<std::unique_ptr<BusOp>> places_;
    std::vector<uint32_t> free_;
    uint64_t begun_ = 0;
};

}  // namespace torc

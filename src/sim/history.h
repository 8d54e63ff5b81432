// What the simulated clients asked for and were told: the history that the checkers judge.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace torc {

struct HistoryOp {
    enum class Kind : uint8_t { set, set_expiring, resolve, del, get, add };
    enum class Outcome : uint8_t {
        acknowledged,
        in_doubt,  // may have happened, or happen yet
        refused,   // told that nothing was done
    };
    static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

    Kind kind = Kind::get;
    Outcome outcome = Outcome::in_doubt;
    unsigned client = 0;
    unsigned machine = 0;
    std::string key;
    std::string value;    // written, or read (of a get; nothing when it was absent)
    bool absent = false;  // a get's
    bool weak = false;    // a get of level one
    int64_t amount = 0;   // added
    int64_t start_us = 0;
    int64_t end_us = kNever;  // kNever: in doubt
    /// Of the calm (no fault, everything settled) in which all of it happened; 0: not in one.
    uint64_t calm = 0;
    std::string reply;  // an error's

    bool writes() const { return kind != Kind::get && kind != Kind::add; }
    bool acknowledged() const { return outcome == Outcome::acknowledged; }
};

using History = std::vector<HistoryOp>;

}  // namespace torc

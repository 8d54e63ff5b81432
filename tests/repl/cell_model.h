// A model of one key on several replicas, with an oracle that knows nothing of dots: each replica has beside
// its cell the set of operations that it has heard of, each operation the set that it covers. What a replica
// shows must follow from the two sets at every step.
#pragma once

#include <bitset>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/types.h"
#include "repl/cell.h"

namespace torc {

/// Whether an actor begins anew after its copy was dropped (CORRECTNESS 1), or goes on as if nothing had
/// been.
enum class BirthRule : uint8_t { renewed, never_renewed };

class CellModel {
  public:
    /// `trims`: contexts are trimmed, too (repl/cell_trim.h).
    CellModel(uint64_t seed, BirthRule rule, bool trims = false);

    /// One random event: a write, a message sent, delivered, delivered twice, a restart, a copy dropped or
    /// replaced by an older one after another replica has got it, a context trimmed. Empty when all is as it
    /// must be, else what is wrong.
    std::string step();
    /// All replicas exchange until they are equal; what they show then, all operations considered.
    std::string heal();

    /// Every cell there ever was.
    const std::vector<std::string>& cells() const { return cells_; }
    /// Entries that trims took out of contexts.
    size_t retired() const { return retired_; }

    static constexpr size_t kMaxOperations = 64;

  private:
    using Set = std::bitset<kMaxOperations>;
    enum class Kind : uint8_t { set, resolve, del, expire, incr };
    struct Operation {
        Kind kind;
        WriteStamp stamp;
        Set covers;          // of these it takes the place
        std::string value;   // set and resolve
        int64_t tenths = 0;  // their number, or the amount
        bool number = true;  // false: the value is a text
        int64_t at_ms = kNoExpiry;
        bool fresh = false;  // an increment of a key that didn't exist
    };
    struct Copy {
        std::string cell;
        Set known;
    };
    struct Replica {
        ActorId actor = 0;
        Copy copy;
        std::vector<Copy> older;
    };
    struct Message {
        size_t to = 0;
        Copy copy;
    };

    void write(Replica& replica);
    void join(Replica& replica, const Copy& copy);
    void hand_over(size_t from);
    void trim(size_t at);
    void keep(Replica& replica, const std::string& cell);
    std::string check(const Replica& replica) const;
    bool killed(size_t operation, const Set& known) const;
    std::string expected(const Set& known, int64_t& expiry) const;

    Rng rng_;
    BirthRule rule_;
    bool trims_ = false;
    Stamp clock_ = 1000;
    ActorId last_actor_ = 0;
    std::vector<Replica> replicas_;
    std::vector<Operation> operations_;
    std::vector<Message> messages_;
    std::vector<std::string> cells_;
    size_t retired_ = 0;
};

}  // namespace torc

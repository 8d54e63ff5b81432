// The data, as a command sees it: one logical database of this node, with the locks that the command needs
// already held and its named keys already in RAM. Implemented by node/keyspace.h over the engine; tests use a
// map.
//
// Expired keys are invisible here. Every change goes into the running command's batch, which the dispatcher
// commits when the command (or the EXEC around it) is done; a command therefore must check everything before
// its first change. Views returned stay valid until the same key is changed.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace torc {

struct Value {
    ValueType type = ValueType::string;
    std::string_view bytes;  // of a string
    int64_t expire_at_ms = kNoExpiry;
};

/// The values that a key has at once where writes raced.
struct Siblings {
    std::string token;                // names what was seen; printable
    std::vector<std::string> values;  // the one that GET shows first; empty: no such key
    int64_t expire_at_ms = kNoExpiry;
};
inline constexpr std::string_view kEmptyContext = "-";  // the token of nothing seen

class Keyspace {
  public:
    virtual ~Keyspace() = default;

    /// What a look at a key may leave behind: a hit or a miss in INFO, and a use that LRU and LFU judge by.
    enum Trace : unsigned { kNoTrace = 0, kCounted = 1, kUsed = 2 };
    /// The value of a key; absent when it has none.
    virtual std::optional<Value> look(std::string_view key, unsigned traces) = 0;
    /// As commands look that read the value (GET),
    std::optional<Value> find(std::string_view key) { return look(key, kCounted | kUsed); }
    /// that ask about the key (EXISTS, TTL, TYPE, OBJECT),
    std::optional<Value> ask(std::string_view key) { return look(key, kCounted); }
    /// that look in order to change it (INCR, SETNX, RENAME),
    std::optional<Value> find_to_change(std::string_view key) { return look(key, kUsed); }
    /// and those whose look is nobody's business (a target, DEBUG, MEMORY).
    std::optional<Value> peek(std::string_view key) { return look(key, kNoTrace); }

    /// Inserts or replaces. expire_at_ms: kNoExpiry for none (pass the old one on to keep it).
    virtual void put(std::string_view key, ValueType type, std::string_view bytes, int64_t expire_at_ms) = 0;
    /// The bytes of an existing string to change in place, without changing their number or the expiry. The
    /// change is logged when the command ends.
    virtual std::span<char> edit(std::string_view key) = 0;
    /// What INCR and its kin do to a key that is a number or absent: `result` is the text it shows from now
    /// on, `amount` what was added. A plain keyspace stores the result; a cluster's counts, so that
    /// concurrent increments merge.
    virtual void add(std::string_view key, int64_t amount, std::string_view result, int64_t expire_at_ms);
    virtual void add_decimal(std::string_view key, long double amount, std::string_view result,
                             int64_t expire_at_ms);
    /// False when there was nothing.
    virtual bool erase(std::string_view key) = 0;
    /// kNoExpiry: persist. The key exists.
    virtual void set_expiry(std::string_view key, int64_t at_ms) = 0;

    /// LRU/LFU facts about an existing key, and setting them (RESTORE ... IDLETIME / FREQ).
    virtual uint64_t idle_seconds(std::string_view key) = 0;
    virtual unsigned frequency(std::string_view key) = 0;
    virtual void set_idle_seconds(std::string_view key, uint64_t seconds) = 0;
    virtual void set_frequency(std::string_view key, unsigned frequency) = 0;
    /// Bytes the key takes in RAM, index included, as MEMORY USAGE tells it. The key exists.
    virtual uint64_t memory_usage(std::string_view key) = 0;

    // ---- concurrent versions. A plain keyspace has one value of each key, and the empty context.
    /// All values that the key has. A key that isn't there may still have a context: that of its tombstone.
    virtual Siblings siblings(std::string_view key);
    /// Stores a value that replaces exactly what the token's reader saw. False, with nothing done, when it's
    /// no token of siblings().
    virtual bool put_resolved(std::string_view key, std::string_view token, std::string_view bytes,
                              int64_t expire_at_ms);

    // ---- whole databases
    virtual unsigned db() const = 0;  // logical index of this face
    virtual unsigned databases() const = 0;
    /// The same node, another database; its locks are those of this call (a key's shard is the same in each).
    virtual Keyspace& in_db(unsigned db) = 0;  // db < databases()
    virtual uint64_t size() const = 0;
    virtual uint64_t expires() const = 0;           // keys with a TTL
    virtual void flush(bool lazily) = 0;            // the command has kLocksAll
    virtual void swap(unsigned a, unsigned b) = 0;  // the command has kLocksAll

    // ---- walking; the command has kLocksAll, kLocksScan or kLocksRandom. Names of keys that are only on
    // disk may have to be read first: check unfinished() after walking, and if it's true return at once,
    // having changed nothing and whatever was replied: the dispatcher reads them and runs the command again.
    using Visit = std::function<void(std::string_view key, ValueType type)>;
    /// Visits the keys of one bucket and returns the next cursor; 0 at the end (and at the start). The cursor
    /// itself comes back when another node has to go on from there.
    virtual uint64_t scan(uint64_t cursor, const Visit& visit) = 0;
    /// Visits keys of one slot, at most `most`.
    virtual void scan_slot(SlotId slot, size_t most, const Visit& visit) = 0;
    virtual std::optional<std::string_view> random_key() = 0;
    virtual bool unfinished() const = 0;
};

}  // namespace torc

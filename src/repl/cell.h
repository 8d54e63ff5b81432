// A cell: all that a replica knows of one key. It's what a cluster's node keeps as the record's value, sends
// to the other replicas and hashes into its Merkle tree. Dotted version vector sets (Preguica et al. 2010,
// Almeida et al. 2014) for values and expiry, running totals for counters.
//
//   context     dots of every write this copy has seen
//   values      siblings {dot, bytes}: values of writes that none of the others saw. A plain write covers all
//   nil         a sibling without bytes: a DEL of a key that has totals; it carries the totals it saw
//   expiry      siblings {dot, at}: each write of a value brings one (infinite for none), EXPIRE and PERSIST
//               bring one alone; the effective expiry is the largest
//   totals      for each (actor, birth): running total of its increments (exact, 17 decimals) and the stamp
//               of the last one. A value (or nil) carries the totals its writer saw, so that concurrent
//               increments survive it and none counts twice
//
// Merging two copies: a sibling stays when both hold it, or when the side without it doesn't cover its dot;
// contexts join; of totals the later stamp. Commutative, associative, idempotent.
//
// What plain commands see: the winner among the values (highest stamp, then actor, then birth; any value
// before nil), plus the increments that neither it nor a nil beside it has seen. The key exists when there's
// a value, or an increment that no nil has seen: a racing write never brings back what a DEL removed. A value
// that is no number shows as it is, whatever increments raced with it.
//
// Bytes: docs/FORMATS.md, "cells". Byte 0 is the form and flags. The usual cell, one value of one writer
// whose dot is the whole context, is a fixed prefix of 25 bytes before the value (33 with an expiry, 41 after
// EXPIRE). One flag is local to the node: `own`, "the context's entry of my actor may be continued": set by
// own writes, kept by merges into an existing copy, cleared in what is sent and by what is received anew.
// Digests ignore it.
//
// Everything here is a pure function of bytes; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "repl/dot.h"

namespace torc {

/// Who writes, and when. The stamp is above every stamp this actor used before.
struct WriteStamp {
    ActorId actor = 0;
    Stamp stamp = 0;
};

class CellView {
  public:
    /// Validates all of it (bounds, order, counts): bytes from the disk or a peer. Nothing when malformed.
    static std::optional<CellView> parse(std::string_view bytes);

    /// Expiry not looked at: the caller compares expire_at_ms() with the time.
    bool exists() const;
    /// The winner's bytes; for a counter the sum, formatted into `scratch`. Only when exists().
    std::string_view value(std::string& scratch) const;
    /// The winner's bytes in place, when they can be shown as they are: no totals; else nothing.
    std::optional<std::string_view> plain_value() const;
    int64_t expire_at_ms() const;             // kNoExpiry: never
    size_t siblings() const;                  // values, nil not counted
    std::vector<std::string> values() const;  // of all siblings, the winner first; a counter's as its sum
    Context context() const;
    /// Highest stamp in the context.
    Stamp newest() const;
    /// Hash of everything that replicas must agree on (values by their dots).
    uint64_t digest() const;
    bool is_counter() const;  // has totals

  private:
    bool read(std::string_view bytes);

    std::string_view bytes_;
    std::string_view winner_;  // of the values; empty when there is none
    size_t head_size_ = 0;     // where the values begin
    size_t siblings_ = 0;
    int64_t expire_at_ms_ = kNoExpiry;
    Stamp newest_ = 0;
    bool plain_ = false;  // the winner's bytes are what is shown
    bool exists_ = false;
    bool counter_ = false;
};

// ---- writes. `old`: the present cell's bytes, empty when there is none; never a view into `out`. Each
// replaces `out` and covers everything in `old` unless it says otherwise.

void write_value(std::string& out, std::string_view old, WriteStamp stamp, std::string_view value,
                 int64_t expire_at_ms);
/// Leaves a tombstone (or nil).
void write_delete(std::string& out, std::string_view old, WriteStamp stamp);
/// The values stay as they are; kNoExpiry: PERSIST.
void write_expiry(std::string& out, std::string_view old, WriteStamp stamp, int64_t expire_at_ms);
/// Values and expiry stay. False, and `out` is unspecified, when the actor's running total would overflow.
bool write_add(std::string& out, std::string_view old, WriteStamp stamp, int64_t amount);
/// The same for INCRBYFLOAT, exact to 17 decimals. False, too, for an amount of 10^37 or more: the caller may
/// write the sum as a value instead.
bool write_add_decimal(std::string& out, std::string_view old, WriteStamp stamp, long double amount);
/// TORC.SET: covers exactly what `seen` covers; other siblings stay beside the new one, up to `max_siblings`.
/// A floor of `seen` at or above the stamp is a forger's, and ignored.
void write_resolved(std::string& out, std::string_view old, WriteStamp stamp, std::string_view value,
                    int64_t expire_at_ms, Context seen, size_t max_siblings = SIZE_MAX);

// ---- merging

enum class Merged : uint8_t {
    unchanged,  // `local` already has it all: `out` isn't touched
    taken,      // the result is `incoming`
    joined,     // something new
};
/// Both valid; `local` empty when there is none. `out`: the new cell, with the local flag as it must be.
/// More than `max_siblings` values: the lowest ranked are dropped (`dropped` counts them), deterministically.
Merged merge_cells(std::string& out, std::string_view local, std::string_view incoming, size_t max_siblings,
                   size_t* dropped = nullptr);

/// A copy without the local flag: what is sent to others.
void append_replicated(std::string& to, std::string_view cell);

/// TORC.GET's context token: printable, and back. Tokens of others' making are refused, not trusted.
std::string context_token(const Context& context);
std::optional<Context> parse_context_token(std::string_view token);

}  // namespace torc

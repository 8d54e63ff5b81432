// Commands that only nodes run, for each other and for themselves; no client finds them by name. Their
// replies are raw bytes for a BusExecutor's sink; an error is a RESP error line as everywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "commands/command.h"
#include "node/actor_history.h"

namespace torc {

/// merge key cell [key cell ...]: joins cells into this node's; they take the place of a damaged one. Reply:
/// nothing.
extern const CommandSpec kMergeCommand;
/// The same, whatever memory there is.
extern const CommandSpec kMergeAnywayCommand;
/// As merge, but -CORRUPT where this node's cell is damaged: what it joins isn't all that there was.
extern const CommandSpec kJoinCommand;
/// As merge, with what a quorum of the others has, so that this copy is as good as theirs afterwards. An
/// empty cell: they have none, and a damaged one here just goes.
extern const CommandSpec kHealCommand;
/// offer key cell [key cell ...]: as merge, of what a node outside of the ring brings, but for a value older
/// than tombstone-horizon whose key has no cell here: its tombstone may have been reaped. Reply: '+' and a
/// bit for each pair, lowest first; set: not joined.
extern const CommandSpec kOfferCommand;
/// The same, whatever memory there is.
extern const CommandSpec kOfferAnywayCommand;
/// digest key [key ...]: '+' and 8 bytes over all the keys' cells, in order.
extern const CommandSpec kDigestCommand;
/// cells key [key ...]: '+' and the cells that are there, as append_change() writes them.
extern const CommandSpec kCellsCommand;
/// flushshard n: deletes every key of a shard. Reply: nothing.
extern const CommandSpec kFlushShardCommand;
/// expire key [key ...]: removes those whose time has passed. Reply: nothing.
extern const CommandSpec kExpireCommand;
/// evict key mark: removes it for want of memory, unless it has changed since (CellKeyspace::evict). Reply:
/// nothing.
extern const CommandSpec kEvictCommand;
/// trim key ended [owner|other cell ...]: retires what `ended` (pack_ended()) allows of its context, given
/// what the other members have of it (CellKeyspace::trim). Reply: nothing.
extern const CommandSpec kTrimCommand;
std::string pack_ended(const EndedBefore& ended);
/// forget key digest [key digest ...]: this node's copies go, where they still are what was handed over
/// (8 bytes each). Reply: nothing.
extern const CommandSpec kForgetCommand;

/// relog key [key ...]: this node's copies go to the log once more, since what's there has rotted. A copy
/// that isn't in RAM is lost by that, and comes back from the other replicas. Reply: nothing, or the error.
extern const CommandSpec kRelogCommand;

/// Is what it changes sent to the other replicas? The others change what came from there, or isn't for them.
bool is_replicated(const CommandSpec& spec);

/// What follows the '+' of a reply of raw bytes; nothing when it's an error. (Raw bytes may begin with
/// anything, also with an error's '-'.)
std::optional<std::string_view> raw_reply(std::string_view reply);

/// The row of one that a coordinator sends as an errand, by its name; null: it's a client's command.
const CommandSpec* errand_command(std::string_view name);

/// Why a peer's cell can't be joined, as an error's text; empty when it can.
std::string_view cell_refusal(std::string_view cell, int64_t now_ms);

/// Of a key's cell; 0 where there's none.
uint64_t cell_digest(std::string_view cell);

/// What kDigestCommand makes of its keys' digests, in order; 0 stands for a key without a cell.
uint64_t combined_digest(std::span<const uint64_t> digests);

}  // namespace torc

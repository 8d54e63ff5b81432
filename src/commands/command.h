// What a command is: one small function plus one declarative row. A family's file ends with its rows and
// hands them out through a function `std::span<const CommandSpec> <family>_commands()` that command_table.cc
// lists.
//
// Names of flags, categories and key specs are those of COMMAND INFO in Redis 7.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace torc {

struct Call;
using CommandFn = void (*)(Call&);

enum CommandFlag : uint64_t {
    kWrite = 1ull << 0,
    kReadonly = 1ull << 1,
    kDenyOom = 1ull << 2,
    kAdmin = 1ull << 3,
    kPubsub = 1ull << 4,
    kNoScript = 1ull << 5,
    kBlocking = 1ull << 6,
    kLoading = 1ull << 7,  // allowed while loading
    kStale = 1ull << 8,
    kSkipMonitor = 1ull << 9,
    kSkipSlowlog = 1ull << 10,
    kAsking = 1ull << 11,
    kFast = 1ull << 12,
    kNoAuth = 1ull << 13,  // allowed before AUTH
    kMayReplicate = 1ull << 14,
    kNoMulti = 1ull << 15,
    kMovableKeys = 1ull << 16,
    kAllowBusy = 1ull << 17,
    kNoAsyncLoading = 1ull << 18,
    kNoMandatoryKeys = 1ull << 19,
    kProtected = 1ull << 20,
    kTouchesArbitraryKeys = 1ull << 21,
    // Ours; not shown to clients.
    kLocksAll = 1ull << 40,     // runs with every shard locked
    kLocksScan = 1ull << 41,    // args[1] is a scan cursor: runs with the shards ahead of it locked
    kLocksRandom = 1ull << 42,  // runs with one shard locked that has keys
    kInternal = 1ull << 45,     // between nodes only: in no table, and not counted
    kOtherDb = 1ull << 44,      // looks at its keys in other databases than the client's, too
    kControl =
        1ull << 43,  // handled by the dispatcher even inside MULTI (EXEC, DISCARD, MULTI, WATCH, QUIT, RESET)
};

enum CommandCategory : uint64_t {
    kCatKeyspace = 1ull << 0,
    kCatRead = 1ull << 1,
    kCatWrite = 1ull << 2,
    kCatSet = 1ull << 3,
    kCatSortedSet = 1ull << 4,
    kCatList = 1ull << 5,
    kCatHash = 1ull << 6,
    kCatString = 1ull << 7,
    kCatBitmap = 1ull << 8,
    kCatHyperLogLog = 1ull << 9,
    kCatGeo = 1ull << 10,
    kCatStream = 1ull << 11,
    kCatPubsub = 1ull << 12,
    kCatAdmin = 1ull << 13,
    kCatFast = 1ull << 14,
    kCatSlow = 1ull << 15,
    kCatBlocking = 1ull << 16,
    kCatDangerous = 1ull << 17,
    kCatConnection = 1ull << 18,
    kCatTransaction = 1ull << 19,
    kCatScripting = 1ull << 20,
};

enum KeySpecFlag : uint32_t {
    kKeyRO = 1u << 0,
    kKeyRW = 1u << 1,
    kKeyOW = 1u << 2,
    kKeyRM = 1u << 3,
    kKeyAccess = 1u << 4,
    kKeyUpdate = 1u << 5,
    kKeyInsert = 1u << 6,
    kKeyDelete = 1u << 7,
    kKeyNotKey = 1u << 8,
    kKeyIncomplete = 1u << 9,
    kKeyVariableFlags = 1u << 10,
};

/// Where keys stand among the arguments (https://redis.io/docs/reference/key-specs).
struct KeySpec {
    uint32_t flags = 0;
    enum class Begin : uint8_t { index, keyword, unknown } begin = Begin::index;
    int begin_index = 1;  // index: position; keyword: where the search starts (negative: from the end)
    std::string_view begin_keyword = {};
    enum class Find : uint8_t { range, keynum, unknown } find = Find::range;
    int last_key = 0;  // range: relative to the first key; negative from the end
    int step = 1;
    int limit = 0;
    int keynum_index = 0;  // keynum: position of the count relative to begin
    int keynum_first = 0;  // first key relative to begin
    std::string_view notes = {};
};

/// For commands whose keys the specs can't tell (e.g. SET key value GET changes flags, SORT): positions of
/// the keys in args, at most `room`; returns how many, or -1 when the arguments make no sense.
using GetKeysFn = int (*)(std::span<const std::string_view> args, struct KeyPosition* out, int room);
struct KeyPosition {
    int index = 0;
    uint32_t flags = 0;
};

struct CommandSpec {
    std::string_view name;  // lower case; a subcommand's own word only
    int arity = 0;          // as in Redis: negative means at least
    uint64_t flags = 0;
    uint64_t categories = 0;
    std::span<const KeySpec> keys = {};
    CommandFn run = nullptr;
    std::span<const CommandSpec> subcommands = {};
    GetKeysFn get_keys = nullptr;
};

}  // namespace torc

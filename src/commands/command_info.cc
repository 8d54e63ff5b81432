#include "commands/command_info.h"

#include <fmt/format.h>

#include <bit>
#include <span>

#include "commands/args.h"
#include "commands/command_docs.h"
#include "commands/command_table.h"

namespace torc {
namespace {

// Names by bit, in the order in which Redis lists them.
struct BitName {
    uint64_t bit;
    std::string_view name;
};

constexpr BitName kFlagNames[] = {
    {kWrite, "write"},
    {kReadonly, "readonly"},
    {kDenyOom, "denyoom"},
    {kAdmin, "admin"},
    {kPubsub, "pubsub"},
    {kNoScript, "noscript"},
    {kBlocking, "blocking"},
    {kLoading, "loading"},
    {kStale, "stale"},
    {kSkipMonitor, "skip_monitor"},
    {kSkipSlowlog, "skip_slowlog"},
    {kAsking, "asking"},
    {kFast, "fast"},
    {kNoAuth, "no_auth"},
    {kMayReplicate, "may_replicate"},
    {kNoAsyncLoading, "no_async_loading"},
    {kNoMulti, "no_multi"},
    {kMovableKeys, "movablekeys"},
    {kAllowBusy, "allow_busy"},
    {kNoMandatoryKeys, "no_mandatory_keys"},
};

constexpr BitName kCategoryNames[] = {
    {kCatKeyspace, "keyspace"},
    {kCatRead, "read"},
    {kCatWrite, "write"},
    {kCatSet, "set"},
    {kCatSortedSet, "sortedset"},
    {kCatList, "list"},
    {kCatHash, "hash"},
    {kCatString, "string"},
    {kCatBitmap, "bitmap"},
    {kCatHyperLogLog, "hyperloglog"},
    {kCatGeo, "geo"},
    {kCatStream, "stream"},
    {kCatPubsub, "pubsub"},
    {kCatAdmin, "admin"},
    {kCatFast, "fast"},
    {kCatSlow, "slow"},
    {kCatBlocking, "blocking"},
    {kCatDangerous, "dangerous"},
    {kCatConnection, "connection"},
    {kCatTransaction, "transaction"},
    {kCatScripting, "scripting"},
};

constexpr BitName kKeyFlagNames[] = {
    {kKeyRO, "RO"},
    {kKeyRW, "RW"},
    {kKeyOW, "OW"},
    {kKeyRM, "RM"},
    {kKeyAccess, "access"},
    {kKeyUpdate, "update"},
    {kKeyInsert, "insert"},
    {kKeyDelete, "delete"},
    {kKeyNotKey, "not_key"},
    {kKeyIncomplete, "incomplete"},
    {kKeyVariableFlags, "variable_flags"},
};

void reply_bits(ReplyWriter& reply, uint64_t bits, std::span<const BitName> names, std::string_view prefix) {
    const size_t mark = reply.begin_deferred();
    size_t count = 0;
    for (const BitName& name : names) {
        if ((bits & name.bit) == 0) continue;
        reply.simple(fmt::format("{}{}", prefix, name.name));
        ++count;
    }
    reply.end_deferred_set(mark, count);
}

/// What clients older than key specs know of the keys: first, last, step.
struct KeyRange {
    int first = 0, last = 0, step = 0;
};

KeyRange legacy_range(const CommandSpec& spec) {
    KeyRange range;
    int previous_last = 0;
    for (const KeySpec& keys : spec.keys) {
        if (keys.begin != KeySpec::Begin::index || keys.find != KeySpec::Find::range) continue;
        // Several specs are one range only when each begins behind the one before.
        if (range.first != 0 && keys.begin_index != previous_last + 1) return range;
        const int last = keys.last_key >= 0 ? keys.begin_index + keys.last_key : keys.last_key;
        if (range.first == 0) range = {keys.begin_index, last, keys.step};
        range.last = last;
        previous_last = last;
    }
    return range;
}

void reply_pair(ReplyWriter& reply, std::string_view name, int64_t value) {
    reply.bulk(name);
    reply.integer(value);
}

void reply_begin_search(ReplyWriter& reply, const KeySpec& keys) {
    reply.bulk("begin_search");
    reply.map(2);
    reply.bulk("type");
    switch (keys.begin) {
        case KeySpec::Begin::index:
            reply.bulk("index");
            reply.bulk("spec");
            reply.map(1);
            reply_pair(reply, "index", keys.begin_index);
            return;
        case KeySpec::Begin::keyword:
            reply.bulk("keyword");
            reply.bulk("spec");
            reply.map(2);
            reply.bulk("keyword");
            reply.bulk(keys.begin_keyword);
            reply_pair(reply, "startfrom", keys.begin_index);
            return;
        case KeySpec::Begin::unknown:
            reply.bulk("unknown");
            reply.bulk("spec");
            reply.map(0);
            return;
    }
}

void reply_find_keys(ReplyWriter& reply, const KeySpec& keys) {
    reply.bulk("find_keys");
    reply.map(2);
    reply.bulk("type");
    switch (keys.find) {
        case KeySpec::Find::range:
            reply.bulk("range");
            reply.bulk("spec");
            reply.map(3);
            reply_pair(reply, "lastkey", keys.last_key);
            reply_pair(reply, "keystep", keys.step);
            reply_pair(reply, "limit", keys.limit);
            return;
        case KeySpec::Find::keynum:
            reply.bulk("keynum");
            reply.bulk("spec");
            reply.map(3);
            reply_pair(reply, "keynumidx", keys.keynum_index);
            reply_pair(reply, "firstkey", keys.keynum_first);
            reply_pair(reply, "keystep", keys.step);
            return;
        case KeySpec::Find::unknown:
            reply.bulk("unknown");
            reply.bulk("spec");
            reply.map(0);
            return;
    }
}

void reply_key_spec(ReplyWriter& reply, const KeySpec& keys) {
    reply.map(keys.notes.empty() ? 3 : 4);
    if (!keys.notes.empty()) {
        reply.bulk("notes");
        reply.bulk(keys.notes);
    }
    reply.bulk("flags");
    reply_key_flags(reply, keys.flags);
    reply_begin_search(reply, keys);
    reply_find_keys(reply, keys);
}

void reply_tips(ReplyWriter& reply, std::string_view name) {
    const CommandDoc* doc = find_command_doc(name);
    const size_t mark = reply.begin_deferred();
    size_t count = 0;
    std::string_view rest = doc == nullptr ? std::string_view() : doc->tips;
    while (!rest.empty()) {
        const size_t end = std::min(rest.find(' '), rest.size());
        reply.bulk(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        ++count;
    }
    reply.end_deferred_set(mark, count);
}

}  // namespace

void reply_key_flags(ReplyWriter& reply, uint32_t flags) {
    reply_bits(reply, flags, kKeyFlagNames, "");
}

uint64_t category_by_name(std::string_view name) {
    for (const BitName& category : kCategoryNames)
        if (word_is(category.name, name)) return category.bit;
    return 0;
}

void reply_category_names(ReplyWriter& reply) {
    reply.array(std::size(kCategoryNames));
    for (const BitName& category : kCategoryNames) reply.bulk(category.name);
}

void reply_command_names(ReplyWriter& reply,
                         const std::function<bool(const CommandSpec&, std::string_view)>& wanted) {
    const size_t mark = reply.begin_deferred();
    size_t names = 0;
    const auto consider = [&](const CommandSpec& spec, std::string_view name) {
        if (!wanted(spec, name)) return;
        reply.bulk(name);
        ++names;
    };
    for (const CommandSpec* spec : CommandTable::instance().all()) {
        consider(*spec, spec->name);
        for (const CommandSpec& sub : spec->subcommands)
            consider(sub, fmt::format("{}|{}", spec->name, sub.name));
    }
    reply.end_deferred_array(mark, names);
}

void reply_command_names_in(ReplyWriter& reply, uint64_t category) {
    reply_command_names(reply, [category](const CommandSpec& spec, std::string_view) {
        return (spec.categories & category) != 0;
    });
}

void reply_command_info(ReplyWriter& reply, const CommandSpec& spec, std::string_view name) {
    reply.array(10);
    reply.bulk(name);
    reply.integer(spec.arity);
    reply_bits(reply, spec.flags, kFlagNames, "");
    const KeyRange range = legacy_range(spec);
    reply.integer(range.first);
    reply.integer(range.last);
    reply.integer(range.step);
    reply_bits(reply, spec.categories, kCategoryNames, "@");
    reply_tips(reply, name);
    reply.set(spec.keys.size());
    for (const KeySpec& keys : spec.keys) reply_key_spec(reply, keys);
    if (spec.subcommands.empty()) return reply.set(0);
    reply.array(spec.subcommands.size());
    for (const CommandSpec& sub : spec.subcommands)
        reply_command_info(reply, sub, fmt::format("{}|{}", name, sub.name));
}

}  // namespace torc

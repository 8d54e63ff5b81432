#include "commands/command_table.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "commands/families.h"
#include "resp/number.h"

namespace torc {
namespace {

// Setting the case bit of every byte is enough here: names that this confuses are told apart by word_is().
inline size_t name_hash(std::string_view name) {
    uint64_t hash = name.size();
    for (const char c : name) hash = hash * 0x9e3779b97f4a7c15ULL + (static_cast<unsigned char>(c) | 0x20);
    return static_cast<size_t>(hash ^ (hash >> 32));
}

// Where the keys of one spec begin; -1 when the spec doesn't apply to these args.
int first_key(const KeySpec& spec, Args args) {
    const int count = static_cast<int>(args.size());
    switch (spec.begin) {
        case KeySpec::Begin::index:
            return spec.begin_index;
        case KeySpec::Begin::keyword: {
            const bool forward = spec.begin_index > 0;
            const int step = forward ? 1 : -1;
            for (int i = forward ? spec.begin_index : count + spec.begin_index; i > 0 && i < count; i += step)
                if (word_is(args[static_cast<size_t>(i)], spec.begin_keyword)) return i + 1;
            return -1;
        }
        case KeySpec::Begin::unknown:
            return -1;
    }
    return -1;
}

// Appends the keys of one spec; false when the args contradict it.
bool keys_of_spec(const KeySpec& spec, Args args, std::vector<KeyPosition>& out) {
    int first = first_key(spec, args);
    if (first < 0) return spec.begin == KeySpec::Begin::keyword;
    const int count = static_cast<int>(args.size());
    int last = 0;
    switch (spec.find) {
        case KeySpec::Find::range:
            if (spec.last_key >= 0)
                last = first + spec.last_key;
            else if (spec.limit == 0)
                last = count + spec.last_key;
            else
                last = first + ((count - first) / spec.limit + spec.last_key);
            break;
        case KeySpec::Find::keynum: {
            const int at = first + spec.keynum_index;
            if (at >= count) return false;
            const auto keys = parse_integer(args[static_cast<size_t>(at)]);
            if (!keys || *keys < 0 || *keys > count) return false;
            if (*keys == 0) return true;
            first += spec.keynum_first;
            last = first + (static_cast<int>(*keys) - 1) * spec.step;
            break;
        }
        case KeySpec::Find::unknown:
            return false;
    }
    if (first >= count || last >= count || last < first) return false;
    for (int i = first; i <= last; i += spec.step) out.push_back({i, spec.flags});
    return true;
}

}  // namespace

CommandTable::CommandTable() {
    for (const auto family :
         {string_commands(),     counter_commands(),   lcs_commands(),          bitmap_commands(),
          bitfield_commands(),   generic_commands(),   expire_commands(),       scan_commands(),
          object_commands(),     copy_move_commands(), dump_restore_commands(), wait_commands(),
          connection_commands(), client_commands(),    transaction_commands(),  server_commands(),
          save_commands(),       info_commands(),      config_commands(),       command_commands(),
          slowlog_commands(),    latency_commands(),   memory_commands(),       debug_commands(),
          lolwut_commands(),     cluster_commands(),   scripting_commands(),    pubsub_commands(),
          module_commands(),     acl_commands(),       torc_ring_commands(),    torc_data_commands()})
        for (const CommandSpec& spec : family) all_.push_back(&spec);
    slots_.resize(std::bit_ceil(all_.size() * 4));
    const size_t mask = slots_.size() - 1;
    for (const CommandSpec* spec : all_) {
        TORC_CHECK(find(spec->name) == nullptr);
        size_t at = name_hash(spec->name) & mask;
        while (slots_[at] != nullptr) at = (at + 1) & mask;
        slots_[at] = spec;
    }
}

const CommandTable& CommandTable::instance() {
    static const CommandTable table;
    return table;
}

const CommandSpec* CommandTable::find(std::string_view name) const {
    const size_t mask = slots_.size() - 1;
    for (size_t at = name_hash(name) & mask; slots_[at] != nullptr; at = (at + 1) & mask)
        if (word_is(slots_[at]->name, name)) return slots_[at];
    return nullptr;
}

const CommandSpec* CommandTable::find_subcommand(const CommandSpec& container, std::string_view name) {
    for (const CommandSpec& spec : container.subcommands)
        if (word_is(spec.name, name)) return &spec;
    return nullptr;
}

bool find_keys(const CommandSpec& spec, Args args, std::vector<KeyPosition>& out) {
    const size_t before = out.size();
    if (spec.get_keys != nullptr) {
        out.resize(before + args.size());
        const int found = spec.get_keys(args, out.data() + before, static_cast<int>(args.size()));
        out.resize(before + static_cast<size_t>(std::max(found, 0)));
        return found >= 0;
    }
    for (const KeySpec& keys : spec.keys) {
        if ((keys.flags & kKeyNotKey) != 0) continue;
        if (!keys_of_spec(keys, args, out) && (keys.flags & kKeyIncomplete) == 0) {
            out.resize(before);
            return false;
        }
    }
    if (spec.keys.size() > 1)
        std::sort(out.begin() + static_cast<std::ptrdiff_t>(before), out.end(),
                  [](const KeyPosition& a, const KeyPosition& b) { return a.index < b.index; });
    return true;
}

}  // namespace torc

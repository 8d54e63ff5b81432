#include "node/spec_cache.h"

namespace torc {

int one_key_position(const CommandSpec& spec) {
    // Rows that lock more, or that name further keys, take the general way. (A get_keys beside one complete
    // spec only refines its flags, as for SET.)
    if (spec.keys.size() != 1 || (spec.keys[0].flags & kKeyIncomplete) != 0) return 0;
    if ((spec.flags & (kLocksAll | kLocksScan | kLocksRandom | kControl | kOtherDb)) != 0) return 0;
    const KeySpec& keys = spec.keys[0];
    if (keys.begin != KeySpec::Begin::index || keys.find != KeySpec::Find::range || keys.last_key != 0)
        return 0;
    if ((keys.flags & kKeyNotKey) != 0) return 0;
    return keys.begin_index;
}

SpecCache::Entry& SpecCache::look_up(std::string_view name, Entry& entry) {
    entry.spec = CommandTable::instance().find(name);
    entry.length = static_cast<uint32_t>(name.size());
    entry.one_key = entry.spec != nullptr ? one_key_position(*entry.spec) : 0;
    return entry;
}

}  // namespace torc

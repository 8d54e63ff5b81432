// A small per-thread cache from a command's name, as clients write it, to its row: most traffic uses a
// handful of names.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "commands/command_table.h"

namespace torc {

/// Position of the only key, when the row has exactly one at a fixed place; else 0.
int one_key_position(const CommandSpec& spec);

class SpecCache {
  public:
    struct Entry {
        uint64_t name = 0;
        uint32_t length = 0;
        int one_key = 0;
        const CommandSpec* spec = nullptr;
    };

    static SpecCache& of_this_thread() {
        thread_local SpecCache cache;
        return cache;
    }

    /// The entry stays valid until the next call.
    const Entry& find(std::string_view name) {
        if (name.size() > sizeof(uint64_t)) return look_up(name, uncached_);
        uint64_t letters = 0;
        std::memcpy(&letters, name.data(), name.size());
        Entry& entry = entries_[(letters * 0x9e3779b97f4a7c15ULL) >> (64 - kBits)];
        if (__builtin_expect(entry.name == letters && entry.length == name.size() && entry.spec != nullptr,
                             1))
            return entry;
        entry.name = letters;
        return look_up(name, entry);
    }

  private:
    static constexpr unsigned kBits = 6;

    Entry& look_up(std::string_view name, Entry& entry);

    std::array<Entry, 1u << kBits> entries_{};
    Entry uncached_;
};

}  // namespace torc

// One row of the table of configuration directives (config_directives.cc).
//
// A directive's value is kept as one canonical text, the one that CONFIG GET shows; accept_value()
// (directive_value.h) makes it from the words of a file's line or of CONFIG SET. What the running node reads
// all the time is also published as a number into LiveSettings.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/config.h"

namespace torc {

struct Choice {
    std::string_view word;
    int number = 0;  // what a LiveSettings field holds for it
};

struct Directive {
    enum class Kind : uint8_t {
        yes_no,
        integer,
        memory,             // bytes with an optional unit: 1kb is 1024, 1k is 1000
        memory_or_percent,  // likewise, or "5%"
        octal,
        choice,   // one of `allowed`
        choices,  // several of them
        text,
        path,              // made absolute
        words,             // any number of words
        save_points,       // pairs of seconds and changes; lines of a file add up
        output_limits,     // class, hard, soft, seconds; a line changes the classes that it names
        keyspace_events,   // letters
        percentiles,       // 0 to 100
        oom_score_values,  // three integers
        key_policies,      // prefixes and options, as KeyPolicies has them; lines of a file add up
    };
    using LiveField = std::variant<std::monostate, std::atomic<int64_t> LiveSettings::*,
                                   std::atomic<int> LiveSettings::*, std::atomic<bool> LiveSettings::*>;

    std::string_view name;
    Kind kind = Kind::text;
    std::string_view default_text;  // canonical, but for Kind::path
    int64_t min = 0;
    int64_t max = std::numeric_limits<int64_t>::max();
    std::span<const Choice> allowed;
    std::string_view other_name;     // an older name for the same
    bool is_fixed = false;           // not by CONFIG SET
    bool is_protected = false;       // by CONFIG SET only as enable-protected-configs allows
    bool is_without_effect = false;  // accepted for compatibility, kept and shown
    bool is_clipped = false;         // a number out of bounds becomes the nearest in bounds
    LiveField live_field;

    // For the table's rows: integer("hz", "10", 1, 500).clip().live(&LiveSettings::hz)
    constexpr Directive with(auto change) const {
        Directive changed = *this;
        change(changed);
        return changed;
    }
    constexpr Directive fixed() const {
        return with([](Directive& d) { d.is_fixed = true; });
    }
    constexpr Directive protect() const {
        return with([](Directive& d) { d.is_protected = true; });
    }
    constexpr Directive no_effect() const {
        return with([](Directive& d) { d.is_without_effect = true; });
    }
    constexpr Directive clip() const {
        return with([](Directive& d) { d.is_clipped = true; });
    }
    constexpr Directive alias(std::string_view older) const {
        return with([older](Directive& d) { d.other_name = older; });
    }
    constexpr Directive live(LiveField field) const {
        return with([field](Directive& d) { d.live_field = field; });
    }
};

/// All of them, in the order of conf/torc.conf.
std::span<const Directive> all_directives();

/// By name or alias, ASCII case-insensitive; null when there's none.
const Directive* find_directive(std::string_view name);

/// Why Torc doesn't do what a directive of Redis asks for: those it doesn't know, and those of which it takes
/// the one value that asks for nothing. Empty for all others.
std::string_view why_refused(std::string_view name);

/// What to tell somebody who wrote an unknown name: the known one that was probably meant, or why Torc
/// doesn't have it.
std::string remedy_for_unknown(std::string_view name);

}  // namespace torc

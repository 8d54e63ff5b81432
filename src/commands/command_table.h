// All commands, found by name. Built once at start; read-only afterwards, so any thread may look.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "commands/args.h"
#include "commands/command.h"

namespace torc {

class CommandTable {
  public:
    /// The table of everything this build knows.
    static const CommandTable& instance();

    /// Case-insensitive; null when unknown. Container commands are returned as such.
    const CommandSpec* find(std::string_view name) const;
    /// The row that runs for these args: the subcommand's row for a container with one. Null when unknown.
    static const CommandSpec* find_subcommand(const CommandSpec& container, std::string_view name);
    const std::vector<const CommandSpec*>& all() const { return all_; }

  private:
    CommandTable();
    std::vector<const CommandSpec*> all_;
    std::vector<const CommandSpec*> slots_;  // open addressing by a hash of the lower-case name
};

/// Number of arguments right for this row?
inline bool arity_fits(const CommandSpec& spec, size_t count) {
    return spec.arity >= 0 ? count == static_cast<size_t>(spec.arity)
                           : count >= static_cast<size_t>(-spec.arity);
}

/// Positions of all keys of a call, appended to `out` in argument order; false when the arguments are
/// malformed (a bad numkeys). The specs' own rules, or the row's get_keys.
bool find_keys(const CommandSpec& spec, Args args, std::vector<KeyPosition>& out);

}  // namespace torc

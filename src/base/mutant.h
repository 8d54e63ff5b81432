// Planted faults, to find out whether the simulator would find real ones (docs/SIMULATOR.md). At the place of
// a fault stands
//
//   if (mutant("actor-reused")) ...the fault...
//
// which is false and costs nothing in every build but one with TORC_MUTANTS, where `vopr --mutant NAME` turns
// one of them on.
#pragma once

#include <string_view>

namespace torc {

#ifdef TORC_MUTANTS
/// Before other threads begin.
void turn_on_mutant(std::string_view name);
bool mutant(std::string_view name);
#else
constexpr bool mutant(std::string_view) {
    return false;
}
#endif

}  // namespace torc

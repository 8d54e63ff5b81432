#include "base/mutant.h"

#ifdef TORC_MUTANTS

#include <string>

namespace torc {
namespace {

std::string turned_on;

}  // namespace

void turn_on_mutant(std::string_view name) {
    turned_on = name;
}

bool mutant(std::string_view name) {
    return !turned_on.empty() && turned_on == name;
}

}  // namespace torc

#endif

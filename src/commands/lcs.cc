#include "commands/families.h"
namespace torc {
std::span<const CommandSpec> lcs_commands() {
    return {};
}
}  // namespace torc

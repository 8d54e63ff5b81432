#include "commands/families.h"
namespace torc {
std::span<const CommandSpec> bitfield_commands() {
    return {};
}
}  // namespace torc

#include "commands/families.h"
namespace torc {
std::span<const CommandSpec> bitmap_commands() {
    return {};
}
}  // namespace torc

#include "node/refusals.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace torc {
namespace {

/// A word as error texts show it: at most `bytes` of it, and nothing from a NUL on.
std::string_view shown(std::string_view word, size_t bytes) {
    return word.substr(0, std::min(bytes, word.find('\0')));
}

}  // namespace

std::string unknown_command(Args args) {
    // At most 128 bytes of the name and of the arguments each, as clients' logs expect it.
    std::string text =
        fmt::format("ERR unknown command '{}', with args beginning with: ", shown(args[0], 128));
    std::string beginning;
    for (size_t i = 1; i < args.size() && beginning.size() < 128; ++i)
        beginning += fmt::format("'{}' ", shown(args[i], 128 - beginning.size()));
    return text + beginning;
}

std::string unknown_subcommand(const CommandSpec& container, Args args) {
    std::string upper(container.name);
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return fmt::format("ERR unknown subcommand '{}'. Try {} HELP.", shown(args[1], 128), upper);
}

bool is_web_request(Args args) {
    return word_is(args[0], "post") || word_is(args[0], "host:");
}

std::string full_name(const Prepared& command) {
    if (command.spec == command.container) return std::string(command.spec->name);
    return fmt::format("{}|{}", command.container->name, command.spec->name);
}

}  // namespace torc

#include "commands/torc_with.h"

#include <fmt/format.h>

#include "commands/errors.h"

namespace torc {

std::expected<WithPrefix, std::string> parse_with(Args args) {
    WithPrefix prefix;
    size_t at = 1;
    for (; at < args.size(); at += 2) {
        const bool is_read = word_is(args[at], "r");
        if (!is_read && !word_is(args[at], "w")) break;
        std::optional<Consistency>& level = is_read ? prefix.read : prefix.write;
        if (level || at + 1 >= args.size()) return std::unexpected(std::string(errors::kSyntax));
        level = consistency_named(args[at + 1]);
        if (!level)
            return std::unexpected(fmt::format("ERR unknown consistency level '{}', must be one of {}",
                                               args[at + 1].substr(0, 128),
                                               fmt::join(kConsistencyNames, ", ")));
    }
    if (at >= args.size())
        return std::unexpected(std::string("ERR wrong number of arguments for 'torc.with' command"));
    if (word_is(args[at], "torc.with")) return std::unexpected(std::string("ERR TORC.WITH can't be nested"));
    prefix.words = at;
    return prefix;
}

}  // namespace torc

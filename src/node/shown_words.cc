#include "node/shown_words.h"

#include <algorithm>

namespace torc {
namespace {

bool is_secret(std::string_view directive) {
    return word_is(directive, "requirepass") || word_is(directive, "masterauth");
}

}  // namespace

ShownWords::ShownWords(const CommandSpec& spec, Args args) : args_(args) {
    if (spec.name == "auth") {
        hide(1, args.size() - 1);
    } else if (spec.name == "hello") {
        // HELLO 3 AUTH user password SETNAME name
        for (size_t i = 2; i < args.size(); ++i)
            if (word_is(args[i], "auth")) {
                hide(i + 1, 2);
                i += 2;
            }
    } else if (spec.name == "set" && word_is(args[0], "config")) {
        for (size_t i = 2; i < args.size(); i += 2)
            if (is_secret(args[i])) hide(i + 1, 1);
    } else if (spec.name == "setuser") {
        hide(2, args.size() - 2);
    }
}

void ShownWords::hide(size_t from, size_t count) {
    if (from >= args_.size()) return;
    if (copy_.empty()) copy_.assign(args_.begin(), args_.end());
    std::fill_n(copy_.begin() + static_cast<std::ptrdiff_t>(from), std::min(count, copy_.size() - from),
                "(redacted)");
}

}  // namespace torc

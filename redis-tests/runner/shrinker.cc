#include "shrinker.h"

#include <algorithm>

namespace redis_tests {

namespace {

Lines without(const Lines& lines, size_t from, size_t count) {
    Lines out(lines.begin(), lines.begin() + static_cast<long>(from));
    out.insert(out.end(), lines.begin() + static_cast<long>(std::min(from + count, lines.size())),
               lines.end());
    return out;
}

/// Removes chunks of this size wherever the failure stays; true if any went.
bool drop_chunks(Lines& lines, size_t size, const std::function<bool(const Lines&)>& fails) {
    bool dropped = false;
    for (size_t end = lines.size(); end > 0;) {
        const size_t from = end > size ? end - size : 0;
        Lines shorter = without(lines, from, end - from);
        if (!shorter.empty() && fails(shorter)) {
            lines = std::move(shorter);
            dropped = true;
        }
        end = from;
    }
    return dropped;
}

void drop_last_words(Lines& lines, const std::function<bool(const Lines&)>& fails) {
    for (size_t i = 0; i < lines.size(); ++i) {
        while (true) {
            // A quoted word may hold spaces; cutting inside it makes a line that does not parse, which
            // `fails` answers with false.
            const size_t space = lines[i].rfind(' ');
            if (space == std::string::npos) break;
            Lines shorter = lines;
            shorter[i].resize(space);
            if (!fails(shorter)) break;
            lines = std::move(shorter);
        }
    }
}

}  // namespace

Lines shrink(Lines lines, const std::function<bool(const Lines&)>& fails) {
    for (size_t size = std::max<size_t>(lines.size() / 2, 1);; size = std::max<size_t>(size / 2, 1)) {
        const bool dropped = drop_chunks(lines, size, fails);
        if (size == 1 && !dropped) break;
    }
    drop_last_words(lines, fails);
    return lines;
}

}  // namespace redis_tests

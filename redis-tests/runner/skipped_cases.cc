#include "skipped_cases.h"

#include <fmt/format.h>

#include <algorithm>

namespace redis_tests {

std::expected<std::vector<std::string>, std::string> parse_skipped(std::string_view text,
                                                                   const std::string& file) {
    std::vector<std::string> names;
    bool complete = true;
    for (int number = 1; !text.empty(); ++number) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const auto fail = [&](std::string_view why) {
            return std::unexpected(fmt::format("{}:{}: {}", file, number, why));
        };
        if (line.empty() || line.starts_with('#')) continue;
        if (line.starts_with("=== ")) {
            if (!complete) return fail("the case before has no reason");
            names.emplace_back(line.substr(4));
            complete = false;
        } else if (line.starts_with("because: ") && !complete) {
            complete = true;
        } else {
            return fail("neither the name of a case nor its reason");
        }
    }
    if (!complete) return std::unexpected(fmt::format("{}: the last case has no reason", file));
    return names;
}

std::expected<void, std::string> skip_cases(std::vector<Case>& cases, const std::vector<std::string>& names) {
    for (const std::string& name : names)
        if (std::erase_if(cases, [&](const Case& one) { return one.name == name; }) == 0)
            return std::unexpected("no case to skip is named " + name);
    return {};
}

}  // namespace redis_tests

#include "differences.h"

#include <fmt/format.h>

#include <algorithm>

namespace redis_tests {

std::expected<Differences, std::string> Differences::parse(std::string_view text, const std::string& file) {
    Differences out;
    out.file_ = file;
    std::string case_name;
    for (int number = 1; !text.empty(); ++number) {
        const std::string line(text.substr(0, text.find('\n')));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const auto fail = [&](std::string_view why) {
            return std::unexpected(fmt::format("{}:{}: {}", file, number, why));
        };
        const bool complete = out.entries_.empty() || !out.entries_.back().reason.empty();
        if (line.empty() || line.starts_with('#')) continue;
        if (line.starts_with("=== ")) {
            if (!complete) return fail("the entry before has no reason");
            case_name = line.substr(4);
        } else if (line.starts_with("torc: ") && !complete) {
            out.entries_.back().expected.push_back(line.substr(6));
        } else if (line.starts_with("proto: ") && !complete) {
            out.entries_.back().proto = line.back() - '0';
        } else if (line.starts_with("because: ") && !complete) {
            if (out.entries_.back().expected.empty()) return fail("the entry says no reply");
            out.entries_.back().reason = line.substr(9);
        } else {
            if (!complete) return fail("the entry before has no reason");
            if (case_name.empty()) return fail("an entry before the first case name");
            out.entries_.push_back({case_name, line, "", std::nullopt, {}, number, false});
        }
    }
    if (!out.entries_.empty() && out.entries_.back().reason.empty())
        return std::unexpected(fmt::format("{}: the last entry has no reason", file));
    return out;
}

bool Differences::expects(const Mismatch& mismatch) {
    const std::string text = to_text(normalized(mismatch.tested, mismatch.step->comparison));
    bool found = false;
    for (Entry& entry : entries_) {
        if (entry.case_name != mismatch.played->name || entry.source != mismatch.step->source) continue;
        if (entry.proto.value_or(mismatch.proto) != mismatch.proto) continue;
        if (std::ranges::find(entry.expected, text) == entry.expected.end()) continue;
        entry.used = found = true;
    }
    return found;
}

std::vector<std::string> Differences::unused(const std::vector<std::string>& skipped_cases) const {
    std::vector<std::string> out;
    for (const Entry& entry : entries_)
        if (!entry.used && std::ranges::find(skipped_cases, entry.case_name) == skipped_cases.end())
            out.push_back(fmt::format("{}:{}: {}: {}", file_, entry.line, entry.case_name, entry.source));
    return out;
}

}  // namespace redis_tests

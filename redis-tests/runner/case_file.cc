#include "case_file.h"

#include <fmt/format.h>

#include <charconv>

#include "words.h"

namespace redis_tests {

namespace {

void skip_spaces(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
}

std::string_view take_word(std::string_view& text) {
    skip_spaces(text);
    const std::string_view word = text.substr(0, text.find_first_of(" \t"));
    text.remove_prefix(word.size());
    skip_spaces(text);
    return word;
}

/// Takes "@name" and "[comparison]" off the front, in any order.
std::expected<void, std::string> take_prefixes(std::string_view& line, Step& step) {
    skip_spaces(line);
    while (line.starts_with('@') || line.starts_with('[')) {
        if (line.front() == '@') {
            step.connection = take_word(line).substr(1);
            continue;
        }
        const size_t end = line.find(']');
        if (end == std::string_view::npos) return std::unexpected("a [ is not closed");
        auto comparison = parse_comparison(line.substr(1, end - 1));
        if (!comparison) return std::unexpected(comparison.error());
        step.comparison = *comparison;
        line.remove_prefix(end + 1);
        skip_spaces(line);
    }
    return {};
}

std::expected<int, std::string> take_count(std::string_view& line) {
    const std::string_view word = take_word(line);
    int count = 0;
    auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), count);
    if (error != std::errc() || end != word.data() + word.size() || count < 1)
        return std::unexpected("a positive count is missing");
    return count;
}

std::expected<void, std::string> read_words(std::string_view line, Step& step, bool may_be_empty) {
    auto words = split_words(line);
    if (!words) return std::unexpected(words.error());
    if (words->empty() && !may_be_empty) return std::unexpected("words are missing");
    step.words = *std::move(words);
    return {};
}

std::expected<void, std::string> read_directive(std::string_view line, Step& step) {
    using Kind = Step::Kind;
    const std::string_view name = take_word(line);
    if (auto r = take_prefixes(line, step); !r) return r;
    if (name == "repeat" || name == "replies") {
        auto count = take_count(line);
        if (!count) return std::unexpected(count.error());
        step.count = *count;
    }
    if (name == "reply" || name == "replies" || name == "closed") {
        step.kind = name == "closed" ? Kind::closed : Kind::replies;
        return line.empty() ? std::expected<void, std::string>()
                            : std::unexpected("words after the directive");
    }
    if (name == "wait") {
        step.kind = Kind::wait;
        step.text = take_word(line);
        return read_words(line, step, false);
    }
    if (name == "raw") {
        step.kind = Kind::raw;
        if (auto r = read_words(line, step, false); !r) return r;
        for (const std::string& word : step.words) step.text += word;
        return {};
    }
    if (name == "send" || name == "repeat")
        step.kind = Kind::send;
    else if (name == "transfer")
        step.kind = Kind::transfer;
    else if (name == "scan")
        step.kind = Kind::scan;
    else
        return std::unexpected(fmt::format("unknown directive {}", name));
    return read_words(line, step, step.kind == Kind::scan);
}

std::expected<std::vector<int>, std::string> parse_protos(std::string_view word) {
    if (word == "2") return std::vector<int>{2};
    if (word == "3") return std::vector<int>{3};
    if (word == "both") return std::vector<int>{2, 3};
    return std::unexpected("proto must be 2, 3 or both");
}

}  // namespace

std::expected<Step, std::string> parse_step(std::string_view line) {
    Step step;
    step.source = line;
    if (auto r = take_prefixes(line, step); !r) return std::unexpected(r.error());
    if (line.starts_with('%')) {
        line.remove_prefix(1);
        if (auto r = take_prefixes(line, step); !r) return std::unexpected(r.error());
        if (auto r = read_directive(line, step); !r) return std::unexpected(r.error());
    } else if (auto r = read_words(line, step, false); !r) {
        return std::unexpected(r.error());
    }
    return step;
}

std::expected<std::vector<Case>, std::string> parse_cases(std::string_view text, const std::string& file) {
    std::vector<Case> cases;
    for (int number = 1; !text.empty(); ++number) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        const auto fail = [&](std::string_view why) {
            return std::unexpected(fmt::format("{}:{}: {}", file, number, why));
        };
        skip_spaces(line);
        if (line.empty() || line.starts_with('#')) continue;
        if (line.starts_with("===")) {
            line.remove_prefix(3);
            skip_spaces(line);
            if (line.empty()) return fail("a case needs a name");
            cases.emplace_back();
            cases.back().name = line;
            cases.back().file = file;
            continue;
        }
        if (cases.empty()) return fail("a line before the first case");
        if (line.starts_with("% proto ")) {
            auto protos = parse_protos(line.substr(8));
            if (!protos) return fail(protos.error());
            cases.back().protos = *protos;
            continue;
        }
        auto step = parse_step(line);
        if (!step) return fail(step.error());
        step->line = number;
        cases.back().steps.push_back(*std::move(step));
    }
    return cases;
}

}  // namespace redis_tests

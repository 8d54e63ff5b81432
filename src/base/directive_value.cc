#include "base/directive_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <optional>
#include <thread>
#include <vector>

#include "base/config_file.h"
#include "base/key_policy.h"

namespace torc {
namespace {

using Kind = Directive::Kind;
using Words = std::span<const std::string>;

std::unexpected<Error> invalid(std::string text) {
    return fail(ErrorKind::invalid, std::move(text));
}

bool same_word(std::string_view a, std::string_view b) {
    return std::ranges::equal(
        a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// Strict, as Redis: no sign but '-', no leading zeros, no spaces.
std::optional<int64_t> parse_number(std::string_view text) {
    const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
    if (digits.empty() || (digits[0] == '0' && text.size() > 1)) return std::nullopt;
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::string join(Words words) {
    return fmt::format("{}", fmt::join(words, " "));
}

Result<std::string> in_bounds(const Directive& directive, int64_t value) {
    if (directive.is_clipped) {
        // What lies far outside is a mistake, not a wish for the most that is possible.
        if (value < 0 || value > std::numeric_limits<int32_t>::max())
            return invalid(fmt::format("argument must be between 0 and {} inclusive",
                                       std::numeric_limits<int32_t>::max()));
        value = std::clamp(value, directive.min, directive.max);
    }
    if (value < directive.min || value > directive.max)
        return invalid(
            fmt::format("argument must be between {} and {} inclusive", directive.min, directive.max));
    return fmt::to_string(value);
}

Result<std::string> accept_number(const Directive& directive, std::string_view word) {
    const auto value = parse_number(word);
    if (!value) return invalid("argument couldn't be parsed into an integer");
    return in_bounds(directive, *value);
}

Result<std::string> accept_memory(const Directive& directive, std::string_view word) {
    if (directive.kind == Kind::memory_or_percent && word.ends_with('%')) {
        const auto percent = parse_number(word.substr(0, word.size() - 1));
        if (!percent || *percent < 0) return invalid("argument must be a memory or percent value");
        if (*percent > 100) return invalid("percentage argument must be less or equal to 100");
        return fmt::format("{}%", *percent);
    }
    int64_t bytes = 0;
    if (!word.empty() && !parse_memory(word, bytes))  // no digits at all mean 0
        return invalid(directive.kind == Kind::memory ? "argument must be a memory value"
                                                      : "argument must be a memory or percent value");
    return in_bounds(directive, bytes);
}

Result<std::string> accept_octal(const Directive& directive, std::string_view word) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, 8);
    if (error != std::errc{} || end != word.data() + word.size())
        return invalid("argument couldn't be parsed as an octal number");
    if (value < directive.min || value > directive.max)
        return invalid(
            fmt::format("argument must be between {:o} and {:o} inclusive", directive.min, directive.max));
    return fmt::format("{:o}", value);
}

const Choice* find_choice(const Directive& directive, std::string_view word) {
    const auto found = std::ranges::find_if(
        directive.allowed, [word](const Choice& choice) { return same_word(choice.word, word); });
    return found == directive.allowed.end() ? nullptr : &*found;
}

Result<std::string> accept_choices(const Directive& directive, Words words) {
    // In the order of the table, each once, however they were written.
    std::string canonical;
    for (const Choice& choice : directive.allowed) {
        if (std::ranges::none_of(words, [&](const auto& word) { return same_word(word, choice.word); }))
            continue;
        if (!canonical.empty()) canonical += ' ';
        canonical += choice.word;
    }
    const bool all_known =
        std::ranges::all_of(words, [&](const auto& word) { return find_choice(directive, word) != nullptr; });
    if (!all_known || words.empty()) {
        std::vector<std::string_view> known;
        for (const Choice& choice : directive.allowed) known.push_back(choice.word);
        return invalid(fmt::format("argument(s) must be one of the following: {}", fmt::join(known, ", ")));
    }
    return canonical;
}

Result<std::string> accept_save_points(Words words, std::string_view current, bool again) {
    if (words.empty() || (words.size() == 1 && words[0].empty())) return std::string();
    if (words.size() % 2 != 0) return invalid("Invalid save parameters");
    for (size_t i = 0; i < words.size(); i += 2) {
        const auto seconds = parse_number(words[i]);
        const auto changes = parse_number(words[i + 1]);
        if (!seconds || *seconds < 1 || !changes || *changes < 0) return invalid("Invalid save parameters");
    }
    if (again && !current.empty()) return fmt::format("{} {}", current, join(words));
    return join(words);
}

// "normal 0 0 0 slave 268435456 67108864 60 pubsub ..." in this order; "replica" is another word for slave.
constexpr std::array<std::string_view, 3> kClientClasses = {"normal", "slave", "pubsub"};

std::vector<std::string> split_spaces(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty()) {
        const size_t end = std::min(text.find(' '), text.size());
        if (end > 0) words.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words;
}

Result<std::string> accept_output_limits(Words words, std::string_view current) {
    if (words.empty() || words.size() % 4 != 0)
        return invalid("Wrong number of arguments in buffer limit configuration.");
    std::vector<std::string> limits = split_spaces(current);
    for (size_t i = 0; i < words.size(); i += 4) {
        const std::string_view name = same_word(words[i], "replica") ? "slave" : std::string_view(words[i]);
        const auto found = std::ranges::find_if(
            kClientClasses, [name](std::string_view known) { return same_word(name, known); });
        if (found == kClientClasses.end())
            return invalid("Invalid client class specified in buffer limit configuration.");
        int64_t hard = 0;
        int64_t soft = 0;
        const auto seconds = parse_number(words[i + 3]);
        if (!parse_memory(words[i + 1], hard) || !parse_memory(words[i + 2], soft) || !seconds ||
            *seconds < 0)
            return invalid("Error in hard, soft or soft_seconds setting in buffer limit configuration.");
        const auto at = static_cast<size_t>(found - kClientClasses.begin()) * 4;
        limits[at + 1] = fmt::to_string(hard);
        limits[at + 2] = fmt::to_string(soft);
        limits[at + 3] = fmt::to_string(*seconds);
    }
    return join(limits);
}

Result<std::string> accept_keyspace_events(std::string_view letters) {
    constexpr std::string_view kClasses = "g$lshzxetdn";
    constexpr std::string_view kInAll = "g$lshzxetd";
    std::string given;
    for (const char c : letters) {
        if (c == 'A')
            given += kInAll;
        else if (kClasses.find(c) != std::string_view::npos || c == 'K' || c == 'E' || c == 'm')
            given += c;
        else
            return invalid("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
    }
    const auto has = [&given](char c) { return given.find(c) != std::string::npos; };
    std::string canonical;
    if (std::ranges::all_of(kInAll, has)) {
        canonical = "A";
    } else {
        for (const char c : kClasses)
            if (has(c)) canonical += c;
    }
    for (const char c : std::string_view("KEm"))
        if (has(c)) canonical += c;
    return canonical;
}

Result<std::string> accept_percentiles(Words words) {
    std::vector<std::string> canonical;
    for (const std::string& word : words) {
        if (word.empty() && words.size() == 1) break;
        char* end = nullptr;
        const double value = std::strtod(word.c_str(), &end);
        if (word.empty() || *end != '\0')
            return invalid("Invalid latency-tracking-info-percentiles parameters");
        if (!(value >= 0 && value <= 100))
            return invalid("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
        canonical.push_back(fmt::format("{:.10g}", value));
    }
    return join(canonical);
}

Result<std::string> accept_oom_scores(Words words) {
    if (words.size() != 3) return invalid("wrong number of arguments");
    for (const std::string& word : words) {
        const auto value = parse_number(word);
        if (!value || *value < -2000 || *value > 2000)
            return invalid("Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
    }
    return join(words);
}

Result<std::string> accept_key_policies(Words words, std::string_view current, bool again) {
    std::vector<std::string> all;
    if (again) all = split_config_words(current).value_or(all);
    all.insert(all.end(), words.begin(), words.end());
    const auto policies = KeyPolicies::parse(all);
    if (!policies) return fail(policies.error());
    return policies->text();
}

Result<std::string> accept_path(std::string_view word) {
    std::error_code error;
    const auto absolute = std::filesystem::absolute(word, error);
    if (error || word.empty()) return invalid(fmt::format("'{}' is no usable path", word));
    std::string path = absolute.lexically_normal().string();
    if (path.size() > 1 && path.ends_with('/')) path.pop_back();
    return path;
}

void publish_output_limits(std::string_view canonical, LiveSettings& live) {
    const std::vector<std::string> limits = split_spaces(canonical);
    OutputLimit* const classes[] = {&live.output_normal, &live.output_replica, &live.output_pubsub};
    for (size_t i = 0; i < kClientClasses.size(); ++i) {
        classes[i]->hard_bytes = *parse_number(limits[i * 4 + 1]);
        classes[i]->soft_bytes = *parse_number(limits[i * 4 + 2]);
        classes[i]->soft_seconds = *parse_number(limits[i * 4 + 3]);
    }
}

}  // namespace

bool parse_memory(std::string_view text, int64_t& bytes) {
    struct Unit {
        std::string_view word;
        int64_t factor;
    };
    constexpr Unit kUnits[] = {{"", 1},          {"b", 1},        {"k", 1000},          {"kb", 1024},
                               {"m", 1'000'000}, {"mb", 1 << 20}, {"g", 1'000'000'000}, {"gb", 1 << 30}};
    const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    int64_t value = 0;
    if (digits == 0) return false;
    if (std::from_chars(text.data(), text.data() + digits, value).ec != std::errc{}) return false;
    for (const Unit& unit : kUnits)
        if (same_word(text.substr(digits), unit.word))
            return !__builtin_mul_overflow(value, unit.factor, &bytes);
    return false;
}

bool takes_many_words(const Directive& directive) {
    switch (directive.kind) {
        case Kind::choices:
        case Kind::words:
        case Kind::save_points:
        case Kind::output_limits:
        case Kind::percentiles:
        case Kind::oom_score_values:
        case Kind::key_policies:
            return true;
        default:
            return false;
    }
}

Result<std::string> accept_value(const Directive& directive, Words words, std::string_view current,
                                 bool again) {
    if (!takes_many_words(directive) && words.size() != 1) return invalid("wrong number of arguments");
    switch (directive.kind) {
        case Kind::yes_no:
            if (same_word(words[0], "yes")) return std::string("yes");
            if (same_word(words[0], "no")) return std::string("no");
            return invalid("argument must be 'yes' or 'no'");
        case Kind::integer:
            return accept_number(directive, words[0]);
        case Kind::memory:
        case Kind::memory_or_percent:
            return accept_memory(directive, words[0]);
        case Kind::octal:
            return accept_octal(directive, words[0]);
        case Kind::choice:
        case Kind::choices:
            return accept_choices(directive, words);
        case Kind::text:
            return words[0];
        case Kind::path:
            return accept_path(words[0]);
        case Kind::words:
            return join(words);
        case Kind::save_points:
            return accept_save_points(words, current, again);
        case Kind::output_limits:
            return accept_output_limits(words, current);
        case Kind::keyspace_events:
            return accept_keyspace_events(words[0]);
        case Kind::percentiles:
            return accept_percentiles(words);
        case Kind::oom_score_values:
            return accept_oom_scores(words);
        case Kind::key_policies:
            return accept_key_policies(words, current, again);
    }
    return invalid("wrong number of arguments");
}

void publish_value(const Directive& directive, std::string_view canonical, LiveSettings& live) {
    if (directive.kind == Kind::output_limits) publish_output_limits(canonical, live);
    if (const auto* flag = std::get_if<std::atomic<bool> LiveSettings::*>(&directive.live_field))
        live.*(*flag) = canonical == "yes";
    if (const auto* number = std::get_if<std::atomic<int> LiveSettings::*>(&directive.live_field))
        live.*(*number) = find_choice(directive, canonical)->number;
    if (const auto* number = std::get_if<std::atomic<int64_t> LiveSettings::*>(&directive.live_field))
        live.*(*number) = *parse_number(canonical);
    // Zero threads stand for one per processor.
    if (directive.name == "io-threads" && live.io_threads == 0)
        live.io_threads = std::clamp<int64_t>(std::thread::hardware_concurrency(), 1, directive.max);
}

}  // namespace torc

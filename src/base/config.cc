#include "base/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <span>

#include "base/check.h"
#include "base/config_file.h"
#include "base/config_rewrite.h"
#include "base/directive.h"
#include "base/directive_value.h"
#include "base/disk.h"
#include "base/glob.h"

namespace torc {
namespace {

size_t index_of(const Directive& directive) {
    return static_cast<size_t>(&directive - all_directives().data());
}

std::string default_of(const Directive& directive) {
    if (directive.kind != Directive::Kind::path) return std::string(directive.default_text);
    const std::string word(directive.default_text);
    const auto path = accept_value(directive, std::span(&word, 1), "", false);
    return path ? *path : word;
}

std::unexpected<Error> refuse(std::string_view name, std::string_view why) {
    return fail(ErrorKind::invalid,
                fmt::format("ERR CONFIG SET failed (possibly related to argument '{}') - {}", name, why));
}

}  // namespace

struct Config::Impl {
    // One set() or rewrite() at a time; the hooks of set() run under it and may read values.
    std::mutex change_mutex;
    mutable std::shared_mutex values_mutex;
    std::vector<std::string> values;  // by index in all_directives()
    std::map<std::string, std::function<Result<void>()>, std::less<>> hooks;
    std::string file_path;

    std::string value(const Directive& directive) const {
        std::shared_lock lock(values_mutex);
        return values[index_of(directive)];
    }
    void store(const Directive& directive, std::string value, LiveSettings& live) {
        publish_value(directive, value, live);
        std::unique_lock lock(values_mutex);
        values[index_of(directive)] = std::move(value);
    }
    /// One line of a source, of which `seen` are the directives so far.
    Result<void> take(const ConfigLine& line, std::set<const Directive*>& seen, LiveSettings& live) {
        const Directive* directive = find_directive(line.words[0]);
        if (directive == nullptr) return fail(config_error(line, remedy_for_unknown(line.words[0])));
        // `--save "900 1"`: on a command line a value of several words may also come as one.
        std::vector<std::string> words(line.words.begin() + 1, line.words.end());
        if (words.size() == 1 && takes_many_words(*directive))
            if (auto split = split_config_words(words[0]); split && !split->empty())
                words = std::move(*split);
        auto accepted = accept_value(*directive, words, value(*directive), !seen.insert(directive).second);
        if (!accepted) {
            const std::string_view why = why_refused(directive->name);
            if (!why.empty()) return fail(config_error(line, why));
            return fail(
                config_error(line, fmt::format("{} (the default is: {} {})", accepted.error().message,
                                               directive->name, quote_config_word(directive->default_text))));
        }
        store(*directive, std::move(*accepted), live);
        return {};
    }
};

Config::Config() : impl_(std::make_unique<Impl>()) {
    impl_->values.resize(all_directives().size());
    for (const Directive& directive : all_directives()) impl_->store(directive, default_of(directive), live);
}

Config::~Config() = default;

Result<void> Config::load(const std::vector<std::string>& argv) {
    std::span<const std::string> words = argv;
    std::vector<std::vector<ConfigLine>> sources;  // what a later one says replaces what an earlier one says
    const auto add = [&](Result<std::vector<ConfigLine>> read) -> Result<void> {
        if (!read) return fail(read.error());
        sources.push_back(std::move(*read));
        return {};
    };
    const bool from_stdin = !words.empty() && words.back() == "-";
    if (from_stdin) words = words.first(words.size() - 1);
    if (!words.empty() && !words[0].starts_with("--")) {
        if (auto added = add(read_config_file(words[0])); !added) return added;
        std::error_code ignored;
        impl_->file_path = std::filesystem::absolute(words[0], ignored).lexically_normal().string();
        words = words.subspan(1);
    }
    if (from_stdin)
        if (auto added = add(read_config_stream(std::cin, "standard input")); !added) return added;
    if (auto added = add(read_config_arguments({words.begin(), words.end()})); !added) return added;

    for (const std::vector<ConfigLine>& lines : sources) {
        std::set<const Directive*> seen;
        for (const ConfigLine& line : lines)
            if (auto taken = impl_->take(line, seen, live); !taken) return taken;
    }
    return {};
}

std::string Config::text(std::string_view name) const {
    const Directive* directive = find_directive(name);
    return directive == nullptr ? std::string() : impl_->value(*directive);
}

std::vector<std::pair<std::string, std::string>> Config::get(const std::vector<std::string>& patterns) const {
    std::vector<std::pair<std::string, std::string>> found;
    const auto add_if_wanted = [&](std::string_view name, const Directive& directive) {
        const auto pattern = std::ranges::find_if(patterns, [name](const std::string& candidate) {
            return glob_matches(candidate, name, /*ignore_case=*/true);
        });
        if (pattern == patterns.end()) return;
        // A name without wildcards is answered as it was asked for, whatever its case.
        const bool exact = pattern->find_first_of("*?[") == std::string::npos;
        found.emplace_back(exact ? *pattern : std::string(name), impl_->value(directive));
    };
    for (const Directive& directive : all_directives()) {
        add_if_wanted(directive.name, directive);
        if (!directive.other_name.empty()) add_if_wanted(directive.other_name, directive);
    }
    return found;
}

Result<void> Config::set(const std::vector<std::pair<std::string, std::string>>& pairs, bool from_local) {
    std::lock_guard one_at_a_time(impl_->change_mutex);
    std::vector<const Directive*> directives;
    for (const auto& [name, value] : pairs) {
        const Directive* directive = find_directive(name);
        if (directive == nullptr)
            return fail(ErrorKind::invalid,
                        fmt::format("ERR Unknown option or number of arguments for CONFIG SET - '{}'", name));
        const std::string protection = text("enable-protected-configs");
        if (directive->is_protected && protection != "yes" && !(protection == "local" && from_local))
            return refuse(name, "can't set protected config");
        if (directive->is_fixed) return refuse(name, "can't set immutable config");
        if (std::ranges::find(directives, directive) != directives.end())
            return refuse(name, "duplicate parameter");
        directives.push_back(directive);
    }

    std::vector<std::string> accepted;
    for (size_t i = 0; i < pairs.size(); ++i) {
        const Directive& directive = *directives[i];
        std::vector<std::string> words{pairs[i].second};
        if (takes_many_words(directive)) {
            const auto split = split_config_words(pairs[i].second);
            if (!split) return refuse(pairs[i].first, "Unbalanced quotes in configuration line");
            words = *split;
        }
        auto value = accept_value(directive, words, impl_->value(directive), false);
        if (!value) return refuse(pairs[i].first, value.error().message);
        accepted.push_back(std::move(*value));
    }

    std::vector<std::string> before;
    for (size_t i = 0; i < pairs.size(); ++i) {
        before.push_back(impl_->value(*directives[i]));
        impl_->store(*directives[i], accepted[i], live);
    }
    for (size_t i = 0; i < pairs.size(); ++i) {
        const auto hook = impl_->hooks.find(directives[i]->name);
        if (hook == impl_->hooks.end() || before[i] == accepted[i]) continue;
        const auto applied = hook->second();
        if (applied) continue;
        // The old values go back in, and those hooks that already acted on the new ones act again.
        for (size_t j = 0; j < pairs.size(); ++j) impl_->store(*directives[j], before[j], live);
        for (size_t j = 0; j < i; ++j) {
            const auto undo = impl_->hooks.find(directives[j]->name);
            if (undo != impl_->hooks.end() && before[j] != accepted[j]) (void)undo->second();
        }
        return refuse(pairs[i].first, applied.error().message);
    }
    return {};
}

Result<void> Config::rewrite() {
    std::lock_guard one_at_a_time(impl_->change_mutex);
    if (impl_->file_path.empty())
        return fail(ErrorKind::invalid, "ERR The server is running without a config file");
    const auto failed = [](const Error& error) {
        return fail(error.kind, "ERR Rewriting config file: " + error.message);
    };
    auto file = read_file(posix_disk(), impl_->file_path);
    if (!file && file.error().kind != ErrorKind::not_found) return failed(file.error());
    const std::string fresh = rewrite_config(
        file ? *file : std::string(), [this](const Directive& directive) { return impl_->value(directive); },
        default_of);
    const auto written = replace_file(posix_disk(), impl_->file_path, fresh);
    if (!written) return failed(written.error());
    return {};
}

void Config::on_change(std::string_view name, std::function<Result<void>()> hook) {
    const Directive* directive = find_directive(name);
    TORC_CHECK(directive != nullptr);
    std::lock_guard one_at_a_time(impl_->change_mutex);
    impl_->hooks[std::string(directive->name)] = std::move(hook);
}

const std::string& Config::file_path() const {
    return impl_->file_path;
}

}  // namespace torc

#include "comparison.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace redis_tests {

namespace {

std::vector<std::string> split(std::string_view text, std::string_view separators) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const size_t end = std::min(text.find_first_of(separators), text.size());
        if (end > 0) parts.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

std::string with_digits_folded(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c < '0' || c > '9')
            out += c;
        else if (out.empty() || out.back() != '#')
            out += '#';
    }
    return out;
}

/// The names of INFO's "name:value" lines or CLIENT LIST's "name=value" words.
Reply names_of(std::string_view text) {
    const bool lines = text.find("\r\n") != std::string_view::npos;
    Reply names{'*', false, "", {}};
    for (const std::string& part : split(text, lines ? "\r\n" : " \n")) {
        const size_t end = part.find(lines ? ':' : '=');
        names.items.push_back({'$', false, part.substr(0, end), {}});
    }
    return names;
}

/// INFO's "name:value" lines with one of these names.
std::string lines_of(std::string_view text, const std::vector<std::string>& names) {
    std::string lines;
    for (const std::string& line : split(text, "\r\n"))
        if (std::ranges::find(names, line.substr(0, line.find(':'))) != names.end()) lines += line + "\r\n";
    return lines;
}

bool by_text(const Reply& a, const Reply& b) {
    return to_text(a) < to_text(b);
}

void sort_items(Reply& reply) {
    std::ranges::sort(reply.items, by_text);
}

void sort_pairs(Reply& map) {
    std::vector<std::pair<Reply, Reply>> pairs;
    for (size_t i = 0; i + 1 < map.items.size(); i += 2)
        pairs.emplace_back(std::move(map.items[i]), std::move(map.items[i + 1]));
    std::ranges::sort(pairs, by_text, &std::pair<Reply, Reply>::first);
    map.items.clear();
    for (auto& [key, value] : pairs) {
        map.items.push_back(std::move(key));
        map.items.push_back(std::move(value));
    }
}

void drop_pairs(Reply& reply, const std::vector<std::string>& keys) {
    if (keys.empty() || reply.items.size() % 2 != 0) return;
    std::vector<Reply> kept;
    for (size_t i = 0; i + 1 < reply.items.size(); i += 2) {
        if (std::ranges::find(keys, reply.items[i].text) != keys.end()) continue;
        kept.push_back(std::move(reply.items[i]));
        kept.push_back(std::move(reply.items[i + 1]));
    }
    reply.items = std::move(kept);
}

bool close_enough(const Reply& a, const Reply& b, double tolerance) {
    if (a.type != b.type || a.null != b.null || a.items.size() != b.items.size()) return false;
    if (a.type == ':' || a.type == ',') {
        if (a.text == b.text) return true;
        const double x = std::strtod(a.text.c_str(), nullptr), y = std::strtod(b.text.c_str(), nullptr);
        // The special answers of TTL (-1, -2) are never near a time.
        return std::signbit(x) == std::signbit(y) && std::abs(x - y) <= tolerance;
    }
    if (a.text != b.text) return false;
    for (size_t i = 0; i < a.items.size(); ++i)
        if (!close_enough(a.items[i], b.items[i], tolerance)) return false;
    return true;
}

std::string_view first_word(std::string_view text) {
    return text.substr(0, text.find(' '));
}

}  // namespace

std::expected<Comparison, std::string> parse_comparison(std::string_view list) {
    Comparison out;
    for (const std::string& mode : split(list, ", ")) {
        const struct {
            std::string_view name;
            bool& flag;
        } flags[] = {{"type", out.type_only}, {"error-prefix", out.error_prefix},
                     {"ignore", out.ignore},  {"unordered", out.unordered},
                     {"sorted", out.sorted},  {"superset", out.superset},
                     {"digits", out.digits},  {"names", out.names},
                     {"pairs", out.pairs},    {"integers", out.integers}};
        const auto* flag = std::ranges::find(flags, mode, [](const auto& f) { return f.name; });
        if (flag != std::end(flags)) {
            flag->flag = true;
        } else if (mode.starts_with("number~")) {
            out.tolerance = std::strtod(mode.c_str() + 7, nullptr);
            if (!(out.tolerance > 0)) return std::unexpected("number~ needs a positive number");
        } else if (mode.starts_with("without:")) {
            out.without = split(std::string_view(mode).substr(8), "+");
        } else if (mode.starts_with("only:")) {
            out.only = split(std::string_view(mode).substr(5), "+");
        } else if (mode == "proto2" || mode == "proto3") {
            out.proto = mode.back() - '0';
        } else if (mode != "exact") {
            return std::unexpected("unknown comparison " + mode);
        }
    }
    return out;
}

Reply normalized(const Reply& reply, const Comparison& comparison) {
    Reply out = reply;
    if (!comparison.only.empty()) out.text = lines_of(out.text, comparison.only);
    if (comparison.names && (reply.type == '$' || reply.type == '=')) out = names_of(out.text);
    if (comparison.digits && out.type != ':') out.text = with_digits_folded(out.text);
    if (comparison.integers && out.type == ':') out.text = "#";
    drop_pairs(out, comparison.without);
    Comparison inner = comparison;
    inner.unordered = inner.superset = inner.names = inner.pairs = false;
    for (Reply& item : out.items) item = normalized(item, inner);
    if (out.type == '%' || (comparison.pairs && out.type == '*' && out.items.size() % 2 == 0))
        sort_pairs(out);
    const bool array_as_set =
        comparison.sorted || comparison.unordered || comparison.superset || comparison.names;
    if (out.type == '~' || (out.type == '*' && array_as_set)) sort_items(out);
    return out;
}

bool same(const Reply& reference, const Reply& tested, const Comparison& comparison) {
    // A case that waits for a reply which never comes is wrong, however alike both servers keep silent.
    if (reference == Reply::event("no reply in time")) return false;
    if (comparison.ignore) return tested.type != Reply::kEvent;
    if (comparison.type_only) return reference.type == tested.type && reference.null == tested.null;
    if (comparison.error_prefix && reference.type == '-')
        return tested.type == '-' && first_word(reference.text) == first_word(tested.text);
    const Reply a = normalized(reference, comparison), b = normalized(tested, comparison);
    if (comparison.superset && is_aggregate(a.type) && a.type == b.type)
        return std::ranges::includes(b.items, a.items, by_text);
    return comparison.tolerance > 0 ? close_enough(a, b, comparison.tolerance) : a == b;
}

}  // namespace redis_tests

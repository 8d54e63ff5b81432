#include "node/gather.h"

#include <algorithm>
#include <charconv>
#include <unordered_set>

namespace torc {
namespace {

/// Cuts "<kind><number>\r\n" off the front.
bool take_number(std::string_view& rest, int64_t& number) {
    const size_t end = rest.find("\r\n");
    if (end == std::string_view::npos || end < 2) return false;
    const auto [at, error] = std::from_chars(rest.data() + 1, rest.data() + end, number);
    if (error != std::errc() || at != rest.data() + end) return false;
    rest.remove_prefix(end + 2);
    return true;
}

}  // namespace

bool split_array(std::string_view reply, std::vector<std::string_view>& elements) {
    int64_t count = 0;
    if (reply.empty() || (reply[0] != '*' && reply[0] != '~') || !take_number(reply, count) || count < 0)
        return false;
    for (int64_t i = 0; i < count; ++i) {
        if (reply.empty()) return false;
        const std::string_view begin = reply;
        if (reply[0] == '_') {
            if (reply.size() < 3) return false;
            reply.remove_prefix(3);
        } else {
            const char kind = reply[0];
            int64_t number = 0;
            if ((kind != '$' && kind != ':') || !take_number(reply, number)) return false;
            if (kind == '$' && number >= 0) {
                if (reply.size() < static_cast<size_t>(number) + 2) return false;
                reply.remove_prefix(static_cast<size_t>(number) + 2);
            }
        }
        elements.push_back(begin.substr(0, begin.size() - reply.size()));
    }
    return reply.empty();
}

size_t Gather::expect(std::vector<size_t> places) {
    parts_.push_back({std::move(places), {}, false});
    ++missing_;
    return parts_.size() - 1;
}

void Gather::part(size_t number, std::string_view reply) {
    Part& part = parts_[number];
    if (part.here) return;
    part.here = true;
    part.reply = reply;
    if (--missing_ == 0) ticket_.complete(combine());
}

std::string Gather::combine() const {
    for (const Part& part : parts_)
        if (!part.reply.empty() && part.reply.front() == '-') return part.reply;
    const std::string nonsense = "-ERR a node answered with nonsense\r\n";
    switch (kind_) {
        case GatherKind::ok:
            return "+OK\r\n";
        case GatherKind::sum: {
            int64_t sum = 0;
            for (const Part& part : parts_) {
                std::string_view rest = part.reply;
                int64_t number = 0;
                if (rest.empty() || rest[0] != ':' || !take_number(rest, number) ||
                    __builtin_add_overflow(sum, number, &sum))
                    return nonsense;
            }
            return ":" + std::to_string(sum) + "\r\n";
        }
        case GatherKind::elements: {
            std::vector<std::string_view> all;
            for (const Part& part : parts_) {
                std::vector<std::string_view> elements;
                if (!split_array(part.reply, elements) || elements.size() != part.places.size())
                    return nonsense;
                for (size_t i = 0; i < elements.size(); ++i) {
                    if (all.size() <= part.places[i]) all.resize(part.places[i] + 1);
                    all[part.places[i]] = elements[i];
                }
            }
            std::string whole = "*" + std::to_string(all.size()) + "\r\n";
            for (const std::string_view element : all) whole += element;
            return whole;
        }
        case GatherKind::together: {
            std::unordered_set<std::string_view> seen;
            std::string names;
            for (const Part& part : parts_) {
                std::vector<std::string_view> elements;
                if (!split_array(part.reply, elements)) return nonsense;
                for (const std::string_view element : elements)
                    if (seen.insert(element).second) names += element;
            }
            return "*" + std::to_string(seen.size()) + "\r\n" + names;
        }
        case GatherKind::any: {
            std::vector<const Part*> found;
            for (const Part& part : parts_)
                if (part.reply != "$-1\r\n" && part.reply != "_\r\n") found.push_back(&part);
            return found.empty() ? null() : found[rng_.below(found.size())]->reply;
        }
        case GatherKind::least: {
            std::vector<int64_t> least;
            const bool plain = !parts_.empty() && parts_.front().reply.starts_with(':');
            for (const Part& part : parts_) {
                std::vector<std::string_view> elements;
                if (plain)
                    elements.push_back(part.reply);
                else if (!split_array(part.reply, elements))
                    return nonsense;
                if (least.empty()) least.assign(elements.size(), INT64_MAX);
                if (least.size() != elements.size()) return nonsense;
                for (size_t i = 0; i < elements.size(); ++i) {
                    int64_t number = 0;
                    if (!elements[i].starts_with(':') || !take_number(elements[i], number)) return nonsense;
                    least[i] = std::min(least[i], number);
                }
            }
            std::string whole = plain ? "" : "*" + std::to_string(least.size()) + "\r\n";
            for (const int64_t number : least) whole += ":" + std::to_string(number) + "\r\n";
            return whole;
        }
    }
    return nonsense;
}

}  // namespace torc

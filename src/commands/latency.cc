// LATENCY: spikes by event (node/latency_monitor.h) and histograms by command (node/command_stats.h).
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/config.h"
#include "commands/call.h"
#include "commands/command_table.h"
#include "commands/diagnostics.h"
#include "commands/families.h"
#include "commands/help_reply.h"
#include "commands/node_view.h"

namespace torc {
namespace {

void latest(Call& call) {
    const auto events = call.node.latency().events();
    call.reply.array(events.size());
    for (const LatencyEvent& event : events) {
        call.reply.array(4);
        call.reply.bulk(event.name);
        call.reply.integer(event.samples.back().unix_seconds);
        call.reply.integer(event.samples.back().milliseconds);
        call.reply.integer(event.max_ms);
    }
}

const LatencyEvent* find_event(const std::vector<LatencyEvent>& events, std::string_view name) {
    const auto found =
        std::ranges::find_if(events, [name](const LatencyEvent& event) { return event.name == name; });
    return found == events.end() ? nullptr : &*found;
}

void history(Call& call) {
    const auto events = call.node.latency().events();
    const LatencyEvent* event = find_event(events, call.args[2]);
    if (event == nullptr) return call.reply.array(0);
    call.reply.array(event->samples.size());
    for (const LatencySample& sample : event->samples) {
        call.reply.array(2);
        call.reply.integer(sample.unix_seconds);
        call.reply.integer(sample.milliseconds);
    }
}

void reset(Call& call) {
    const size_t removed = call.node.latency().reset({call.args.begin() + 2, call.args.end()});
    call.reply.integer(static_cast<int64_t>(removed));
}

std::string age(int64_t seconds) {
    if (seconds < 60) return fmt::format("{}s", seconds);
    if (seconds < 3600) return fmt::format("{}m", seconds / 60);
    if (seconds < 86400) return fmt::format("{}h", seconds / 3600);
    return fmt::format("{}d", seconds / 86400);
}

// A column per sample, '#' up to its height in `kRows` steps between the event's lowest and highest, and
// below it how long ago it was, written downwards.
std::string draw(const LatencyEvent& event, int64_t now_s) {
    constexpr int64_t kRows = 4;
    int64_t low = std::numeric_limits<int64_t>::max();
    int64_t high = 0;
    size_t longest_age = 0;
    for (const LatencySample& sample : event.samples) {
        low = std::min(low, sample.milliseconds);
        high = std::max(high, sample.milliseconds);
        longest_age = std::max(longest_age, age(now_s - sample.unix_seconds).size());
    }
    std::string text = fmt::format("{} - high {} ms, low {} ms (all time high {} ms)\n{}\n", event.name, high,
                                   low, event.max_ms, std::string(80, '-'));
    for (int64_t row = kRows; row > 0; --row) {
        for (const LatencySample& sample : event.samples) {
            const int64_t height =
                high == low ? 1 : 1 + (sample.milliseconds - low) * (kRows - 1) / (high - low);
            text += height == row ? '#' : height > row ? '|' : row == 1 ? '_' : ' ';
        }
        text += '\n';
    }
    text += '\n';
    for (size_t row = 0; row < longest_age; ++row) {
        for (const LatencySample& sample : event.samples) {
            const std::string word = age(now_s - sample.unix_seconds);
            text += row < word.size() ? word[row] : ' ';
        }
        text += '\n';
    }
    return text;
}

void graph(Call& call) {
    const auto events = call.node.latency().events();
    const LatencyEvent* event = find_event(events, call.args[2]);
    if (event == nullptr)
        return call.reply.error(fmt::format("ERR No samples available for event '{}'", call.args[2]));
    call.reply.verbatim("txt", draw(*event, call.now_ms / 1000));
}

struct Advice {
    std::string_view event;
    std::string_view text;
};

constexpr Advice kAdvice[] = {
    {"command",
     "Commands that take long hold up the others on their shard: SLOWLOG GET tells which. KEYS and "
     "FLUSHALL look at everything; SCAN and FLUSHALL ASYNC don't."},
    {"fast-command",
     "A command that needs constant time was slow: the machine took the processor away, or "
     "the command waited for memory. Look for other processes and for swapping."},
    {"log", "The log's disk is slow: see whether something else writes to it, or use appendfsync everysec."},
    {"expire", "Many keys expired at the same moment: add a little random time to their expiry."},
    {"evict", "Memory is at its limit and clients write faster than it can be freed: raise maxmemory."},
};

std::string diagnose(const std::vector<LatencyEvent>& events, int64_t threshold_ms, int64_t now_s) {
    if (threshold_ms == 0)
        return "Latency monitoring is off. Switch it on with CONFIG SET latency-monitor-threshold <ms> and "
               "ask again after a while.\n";
    if (events.empty()) return fmt::format("Nothing took longer than {} ms. All is well.\n", threshold_ms);
    std::string text =
        fmt::format("{} kinds of events took longer than {} ms:\n\n", events.size(), threshold_ms);
    std::string advice;
    for (const LatencyEvent& event : events) {
        int64_t sum = 0;
        for (const LatencySample& sample : event.samples) sum += sample.milliseconds;
        const auto count = static_cast<int64_t>(event.samples.size());
        text +=
            fmt::format("- {}: {} spikes, {} ms on average, {} ms at worst, the last {} ago.\n", event.name,
                        count, sum / count, event.max_ms, age(now_s - event.samples.back().unix_seconds));
        for (const Advice& known : kAdvice)
            if (event.name == known.event ||
                (known.event != "command" && event.name.starts_with(known.event)))
                advice += fmt::format("- {}: {}\n", event.name, known.text);
    }
    if (!advice.empty()) text += "\nWhat may help:\n\n" + advice;
    return text;
}

void doctor(Call& call) {
    call.reply.verbatim(
        "txt", diagnose(call.node.latency().events(), call.node.config().live.latency_monitor_threshold_ms,
                        call.now_ms / 1000));
}

// Cumulative counts at powers of two of 1024 ns, as Redis walks its histograms: a level includes the bucket
// that begins at it, and its name is that bucket's end in microseconds.
void reply_distribution(ReplyWriter& reply, const CommandLatency& latency) {
    const size_t mark = reply.begin_deferred();
    size_t levels = 0;
    uint64_t seen = 0;
    size_t next = 0;
    for (int64_t level = 1024; seen < latency.calls; level *= 2) {
        const int64_t upto_ns = level + level / 128 - 1;
        const uint64_t before = seen;
        const bool is_last = level > std::numeric_limits<int64_t>::max() / 4;
        while (next < latency.buckets.size() && (latency.buckets[next].upto_ns <= upto_ns || is_last))
            seen += latency.buckets[next++].count;
        if (seen == before) continue;
        reply.integer(upto_ns / 1000);
        reply.integer(static_cast<int64_t>(seen));
        ++levels;
    }
    reply.end_deferred_map(mark, levels);
}

// The full names that the arguments stand for: a container stands for its subcommands as well.
std::vector<std::string> wanted_names(Args args) {
    std::vector<std::string> names;
    for (const std::string_view arg : args) {
        std::string name(arg);
        std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
        if (const CommandSpec* spec = CommandTable::instance().find(name))
            for (const CommandSpec& sub : spec->subcommands)
                names.push_back(fmt::format("{}|{}", spec->name, sub.name));
        names.push_back(std::move(name));
    }
    return names;
}

void histogram(Call& call) {
    const auto latencies = call.node.command_stats().latencies(wanted_names(call.args.subspan(2)));
    call.reply.map(latencies.size());
    for (const CommandLatency& latency : latencies) {
        call.reply.bulk(latency.name);
        call.reply.map(2);
        call.reply.bulk("calls");
        call.reply.integer(static_cast<int64_t>(latency.calls));
        call.reply.bulk("histogram_usec");
        reply_distribution(call.reply, latency);
    }
}

void help(Call& call) {
    constexpr std::string_view kLines[] = {
        "DOCTOR",
        "    Tell in words what was slow and what may help.",
        "GRAPH <event>",
        "    Draw the spikes of an event.",
        "HISTOGRAM [<command> ...]",
        "    Show how the latencies of these commands, or of all, are distributed.",
        "HISTORY <event>",
        "    Show the spikes of an event as pairs of unix time and milliseconds.",
        "LATEST",
        "    Show the last and the worst spike of each event.",
        "RESET [<event> ...]",
        "    Forget the spikes of these events, or of all.",
    };
    reply_help(call, "LATENCY", kLines);
}

constexpr uint64_t kAdminAlways = kAdmin | kNoScript | kLoading | kStale;
constexpr uint64_t kAdminSlow = kCatAdmin | kCatSlow | kCatDangerous;

constexpr CommandSpec kSubcommands[] = {
    {"doctor", 2, kAdminAlways, kAdminSlow, {}, doctor},
    {"graph", 3, kAdminAlways, kAdminSlow, {}, graph},
    {"help", 2, kLoading | kStale, kCatSlow, {}, help},
    {"histogram", -2, kAdminAlways, kAdminSlow, {}, histogram},
    {"history", 3, kAdminAlways, kAdminSlow, {}, history},
    {"latest", 2, kAdminAlways, kAdminSlow, {}, latest},
    {"reset", -2, kAdminAlways, kAdminSlow, {}, reset},
};

constexpr CommandSpec kCommands[] = {
    {"latency", -2, 0, kCatSlow, {}, nullptr, kSubcommands},
};

}  // namespace

std::span<const CommandSpec> latency_commands() {
    return kCommands;
}

}  // namespace torc

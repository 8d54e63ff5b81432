// PUBSUB on a server that has no SUBSCRIBE yet: nobody listens to anything.
#include "commands/call.h"
#include "commands/families.h"
#include "commands/help_reply.h"

namespace torc {
namespace {

/// CHANNELS and SHARDCHANNELS [pattern].
void channels(Call& call) {
    if (call.args.size() > 3) return reply_too_many_words(call, "PUBSUB");
    call.reply.array(0);
}

/// NUMSUB and SHARDNUMSUB: each channel with how many listen to it.
void numsub(Call& call) {
    const Args names = call.args.subspan(2);
    call.reply.array(names.size() * 2);
    for (const std::string_view name : names) {
        call.reply.bulk(name);
        call.reply.integer(0);
    }
}

void numpat(Call& call) {
    call.reply.integer(0);
}

void help(Call& call) {
    constexpr std::string_view kLines[] = {
        "CHANNELS [<pattern>]",
        "    List the channels that somebody listens to: none.",
        "NUMPAT",
        "    Count the patterns that somebody listens to: none.",
        "NUMSUB [<channel> ...]",
        "    Count the listeners of each channel: none.",
        "SHARDCHANNELS [<pattern>]",
        "    As CHANNELS, for shard channels.",
        "SHARDNUMSUB [<shardchannel> ...]",
        "    As NUMSUB, for shard channels.",
    };
    reply_help(call, "PUBSUB", kLines);
}

constexpr uint64_t kAsks = kPubsub | kLoading | kStale;
constexpr uint64_t kSlowPubsub = kCatPubsub | kCatSlow;

constexpr CommandSpec kSubcommands[] = {
    {"channels", -2, kAsks, kSlowPubsub, {}, channels},
    {"help", 2, kLoading | kStale, kCatSlow, {}, help},
    {"numpat", 2, kAsks, kSlowPubsub, {}, numpat},
    {"numsub", -2, kAsks, kSlowPubsub, {}, numsub},
    {"shardchannels", -2, kAsks, kSlowPubsub, {}, channels},
    {"shardnumsub", -2, kAsks, kSlowPubsub, {}, numsub},
};

constexpr CommandSpec kCommands[] = {
    {"pubsub", -2, 0, kCatSlow, {}, nullptr, kSubcommands},
};

}  // namespace

std::span<const CommandSpec> pubsub_commands() {
    return kCommands;
}

}  // namespace torc

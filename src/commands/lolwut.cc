// LOLWUT [VERSION v] [size]: a torc, the open neck ring of the Celts, seen from above, twisted like rope.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/version.h"
#include "commands/call.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "resp/number.h"

namespace torc {
namespace {

std::string draw_torc(int64_t rows) {
    constexpr std::string_view kStrands = "#%*+=-:. .:-=+*%";
    constexpr double kGap = 0.35;  // half the opening, in radians
    std::string picture;
    const double middle = static_cast<double>(rows - 1) / 2;
    for (int64_t row = 0; row < rows; ++row) {
        std::string line;
        for (int64_t column = 0; column < 2 * rows; ++column) {
            // Letters are twice as high as wide; y grows downwards, and the opening is below.
            const double x = (static_cast<double>(column) / 2 - middle) / (middle + 0.5);
            const double y = (static_cast<double>(row) - middle) / (middle + 0.5);
            const double radius = std::hypot(x, y);
            const double angle = std::atan2(x, y);
            const bool is_knob = std::hypot(std::abs(x) - 0.3, y - 0.8) < 0.17;
            if (is_knob) {
                line += '@';
            } else if (radius > 0.68 && radius < 1.0 && std::abs(angle) > kGap) {
                const double twist = angle * 20 / std::numbers::pi + radius * 6;
                line += kStrands[static_cast<size_t>(std::floor(twist * 2 + 1000)) % kStrands.size()];
            } else {
                line += ' ';
            }
        }
        line.erase(line.find_last_not_of(' ') + 1);
        picture += line + '\n';
    }
    return picture;
}

void lolwut(Call& call) {
    constexpr int64_t kSmallest = 8;
    constexpr int64_t kLargest = 100;
    size_t next = 1;
    if (call.args.size() >= 3 && word_is(call.args[1], "version")) {
        if (!parse_integer(call.args[2])) return call.reply.error(errors::kNotInteger);
        next = 3;
    }
    int64_t rows = 20;
    if (call.args.size() > next) {
        const auto wanted = parse_integer(call.args[next]);
        if (!wanted) return call.reply.error(errors::kNotInteger);
        rows = std::clamp(*wanted, kSmallest, kLargest);
    }
    call.reply.verbatim(
        "txt", fmt::format("{}\nRedis ver. {} (Torc {})\n", draw_torc(rows), kRedisVersion, kTorcVersion));
}

constexpr CommandSpec kCommands[] = {
    {"lolwut", -1, kReadonly | kFast, kCatRead | kCatFast, {}, lolwut},
};

}  // namespace

std::span<const CommandSpec> lolwut_commands() {
    return kCommands;
}

}  // namespace torc

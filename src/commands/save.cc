// Backups and the end of the process. The log is the data, so none of this is needed for safety: a backup is
// a directory of hard links, made in the background, and SAVE only waits for it.
#include "commands/call.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/node_view.h"
#include "commands/persistence.h"

namespace torc {
namespace {

constexpr std::string_view kAlreadyRunning = "ERR Background save already in progress";

void bgsave(Call& call) {
    const bool schedule = call.args.size() == 2 && word_is(call.args[1], "schedule");
    if (call.args.size() > 1 && !schedule) return call.reply.error(errors::kSyntax);
    const auto started = call.node.persistence().start_backup(schedule);
    if (!started) return call.reply.error(started.error().message);
    if (*started) return call.reply.simple("Background saving started");
    if (schedule) return call.reply.simple("Background saving scheduled");
    call.reply.error(kAlreadyRunning);
}

void saved(Call& call, bool) {
    if (call.node.persistence().last_backup_ok())
        call.reply.ok();
    else
        call.reply.error("ERR the backup failed; the server's log tells why");
}

void save(Call& call) {
    Persistence& persistence = call.node.persistence();
    const auto ended_before = static_cast<int64_t>(persistence.backups_ended());
    const auto started = persistence.start_backup(false);
    if (!started) return call.reply.error(started.error().message);
    if (!*started) return call.reply.error(kAlreadyRunning);
    call.client.block = {.kind = Block::Kind::backup, .arguments = {ended_before, 0}, .finish = saved};
}

void lastsave(Call& call) {
    call.reply.integer(call.node.persistence().last_backup_seconds());
}

void shutdown(Call& call) {
    Persistence::ShutdownWish wish;
    bool abort = false;
    for (const std::string_view arg : call.args.subspan(1)) {
        if (word_is(arg, "nosave"))
            wish.nosave = true;
        else if (word_is(arg, "save"))
            wish.save = true;
        else if (word_is(arg, "now"))
            wish.now = true;
        else if (word_is(arg, "force"))
            wish.force = true;
        else if (word_is(arg, "abort"))
            abort = true;
        else
            return call.reply.error(errors::kSyntax);
    }
    if ((abort && call.args.size() > 2) || (wish.save && wish.nosave))
        return call.reply.error(errors::kSyntax);
    if (abort) {
        if (!call.node.persistence().abort_shutdown())
            return call.reply.error("ERR No shutdown in progress.");
        return call.reply.ok();
    }
    const auto asked = call.node.persistence().request_shutdown(wish);
    if (!asked) return call.reply.error(asked.error().message);
    // No reply: what the client sees is the connection closing.
    call.client.block = {.kind = Block::Kind::time};
}

/// Compaction goes on by itself wherever it pays (docs/STORAGE.md): who asks for it has it already.
void bgrewriteaof(Call& call) {
    call.reply.simple("Background append only file rewriting started");
}

constexpr uint64_t kSaving = kAdmin | kNoScript | kNoAsyncLoading;
constexpr uint64_t kAdminSlow = kCatAdmin | kCatSlow | kCatDangerous;

constexpr CommandSpec kCommands[] = {
    {"bgrewriteaof", 1, kSaving, kAdminSlow, {}, bgrewriteaof},
    {"bgsave", -1, kSaving, kAdminSlow, {}, bgsave},
    {"lastsave", 1, kLoading | kStale | kFast, kCatAdmin | kCatFast | kCatDangerous, {}, lastsave},
    {"save", 1, kSaving | kNoMulti, kAdminSlow, {}, save},
    {"shutdown",
     -1,
     kAdmin | kNoScript | kLoading | kStale | kNoMulti | kAllowBusy,
     kAdminSlow,
     {},
     shutdown},
};

}  // namespace

std::span<const CommandSpec> save_commands() {
    return kCommands;
}

}  // namespace torc

// MEMORY: what keys and the process take.
#include "base/config.h"
#include "commands/call.h"
#include "commands/errors.h"
#include "commands/families.h"
#include "commands/help_reply.h"
#include "commands/node_view.h"
#include "resp/number.h"

namespace torc {
namespace {

void usage(Call& call) {
    for (size_t i = 3; i < call.args.size(); i += 2) {
        if (!word_is(call.args[i], "samples") || i + 1 >= call.args.size())
            return call.reply.error(errors::kSyntax);
        const auto samples = parse_integer(call.args[i + 1]);
        if (!samples) return call.reply.error(errors::kNotInteger);
        if (*samples < 0) return call.reply.error(errors::kSyntax);
    }
    if (!call.keys.peek(call.args[2])) return call.reply.null();
    call.reply.integer(static_cast<int64_t>(call.keys.memory_usage(call.args[2])));
}

double ratio(uint64_t part, uint64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

class FieldMap {
  public:
    explicit FieldMap(ReplyWriter& reply) : reply_(reply), mark_(reply.begin_deferred()) {}
    void field(std::string_view name, uint64_t value) {
        begin(name);
        reply_.integer(static_cast<int64_t>(value));
    }
    void field(std::string_view name, double value) {
        begin(name);
        reply_.double_(value);
    }
    void difference(std::string_view name, uint64_t more, uint64_t less) {
        begin(name);
        reply_.integer(static_cast<int64_t>(more) - static_cast<int64_t>(less));
    }
    /// The caller writes the value.
    void begin(std::string_view name) {
        reply_.bulk(name);
        ++fields_;
    }
    void end() { reply_.end_deferred_map(mark_, fields_); }

  private:
    ReplyWriter& reply_;
    size_t mark_;
    size_t fields_ = 0;
};

void stats(Call& call) {
    const NodeFacts facts = call.node.facts();
    const MemoryFacts& memory = facts.memory;
    const uint64_t overhead =
        memory.startup + memory.index_bytes + facts.clients.memory_bytes + memory.log_buffer_bytes;
    const uint64_t dataset = memory.used > overhead ? memory.used - overhead : 0;
    const uint64_t beyond_startup = memory.used > memory.startup ? memory.used - memory.startup : 0;
    FieldMap out(call.reply);
    out.field("peak.allocated", memory.peak);
    out.field("total.allocated", memory.used);
    out.field("startup.allocated", memory.startup);
    out.field("replication.backlog", uint64_t{0});
    out.field("clients.slaves", uint64_t{0});
    out.field("clients.normal", facts.clients.memory_bytes);
    out.field("cluster.links", uint64_t{0});
    out.field("aof.buffer", memory.log_buffer_bytes);
    out.field("lua.caches", uint64_t{0});
    out.field("functions.caches", uint64_t{0});
    for (const DatabaseFacts& database : call.node.databases()) {
        // The index is one for all databases: each is told its share.
        out.begin(fmt::format("db.{}", database.db));
        const double share = ratio(database.keys, memory.keys);
        FieldMap of_database(call.reply);
        of_database.field("overhead.hashtable.main",
                          static_cast<uint64_t>(share * static_cast<double>(memory.index_bytes)));
        of_database.field("overhead.hashtable.expires", uint64_t{0});
        of_database.field("overhead.hashtable.slot-to-keys", uint64_t{0});
        of_database.end();
    }
    out.field("overhead.total", overhead);
    out.field("keys.count", memory.keys);
    out.field("keys.bytes-per-key", memory.keys == 0 ? 0 : beyond_startup / memory.keys);
    out.field("dataset.bytes", dataset);
    out.field("dataset.percentage", ratio(dataset, beyond_startup) * 100);
    out.field("peak.percentage", ratio(memory.used, memory.peak) * 100);
    out.field("allocator.allocated", memory.allocator_allocated);
    out.field("allocator.active", memory.allocator_active);
    out.field("allocator.resident", memory.allocator_resident);
    out.field("allocator-fragmentation.ratio", ratio(memory.allocator_active, memory.allocator_allocated));
    out.difference("allocator-fragmentation.bytes", memory.allocator_active, memory.allocator_allocated);
    out.field("allocator-rss.ratio", ratio(memory.allocator_resident, memory.allocator_active));
    out.difference("allocator-rss.bytes", memory.allocator_resident, memory.allocator_active);
    out.field("rss-overhead.ratio", ratio(memory.rss, memory.allocator_resident));
    out.difference("rss-overhead.bytes", memory.rss, memory.allocator_resident);
    out.field("fragmentation", ratio(memory.rss, memory.used));
    out.difference("fragmentation.bytes", memory.rss, memory.used);
    out.end();
}

std::string diagnose(const NodeFacts& facts, uint64_t limit) {
    constexpr uint64_t kTooLittle = 5 << 20;
    const MemoryFacts& memory = facts.memory;
    if (memory.used < kTooLittle)
        return "There is hardly any data in memory: too little to say anything about it.\n";
    std::string findings;
    if (ratio(memory.peak, memory.used) > 1.5)
        findings +=
            "- Memory was much fuller once than it is now. What was freed may not have gone back to the "
            "system yet; MEMORY PURGE asks for it.\n";
    if (ratio(memory.rss, memory.used) > 1.4)
        findings +=
            "- The process holds much more memory than its data needs: fragmentation, or memory that was "
            "freed a moment ago. MEMORY PURGE may help; a restart certainly does.\n";
    if (limit != 0 && memory.used > limit)
        findings += "- Memory is above maxmemory: clients write faster than it can be freed.\n";
    if (facts.clients.connected != 0 && facts.clients.memory_bytes / facts.clients.connected > 200 << 10)
        findings +=
            "- Clients' buffers are large: somebody reads slowly or sends huge commands. CLIENT LIST "
            "shows who (omem, qbuf).\n";
    if (findings.empty()) return "Nothing about the memory looks wrong.\n";
    return "Findings:\n\n" + findings;
}

void doctor(Call& call) {
    const auto limit = static_cast<uint64_t>(call.node.config().live.maxmemory_bytes.load());
    call.reply.verbatim("txt", diagnose(call.node.facts(), limit));
}

void purge(Call& call) {
    call.node.purge_memory();
    call.reply.ok();
}

void malloc_stats(Call& call) {
    const MemoryFacts memory = call.node.facts().memory;
    call.reply.verbatim(
        "txt", fmt::format("allocator: {}\nallocated: {}\nactive: {}\nresident: {}\n", memory.allocator,
                           memory.allocator_allocated, memory.allocator_active, memory.allocator_resident));
}

void help(Call& call) {
    constexpr std::string_view kLines[] = {
        "DOCTOR",
        "    Tell in words what looks wrong about the memory.",
        "MALLOC-STATS",
        "    Show what the allocator says about itself.",
        "PURGE",
        "    Give freed memory back to the system.",
        "STATS",
        "    Show where the memory goes.",
        "USAGE <key> [SAMPLES <count>]",
        "    Tell how many bytes the key and its value take.",
    };
    reply_help(call, "MEMORY", kLines);
}

constexpr KeySpec kKeyIsSecond[] = {{.flags = kKeyRO, .begin_index = 2}};

constexpr CommandSpec kSubcommands[] = {
    {"doctor", 2, 0, kCatSlow, {}, doctor},
    {"help", 2, kLoading | kStale, kCatSlow, {}, help},
    {"malloc-stats", 2, 0, kCatSlow, {}, malloc_stats},
    {"purge", 2, 0, kCatSlow, {}, purge},
    {"stats", 2, 0, kCatSlow, {}, stats},
    {"usage", -3, kReadonly, kCatRead | kCatSlow, kKeyIsSecond, usage},
};

constexpr CommandSpec kCommands[] = {
    {"memory", -2, 0, kCatSlow, {}, nullptr, kSubcommands},
};

}  // namespace

std::span<const CommandSpec> memory_commands() {
    return kCommands;
}

}  // namespace torc

// A Keyspace over std::map and a runner that turns a command line into reply bytes: what the tests of the
// commands run on. No locks, no log, no eviction; time stands still unless the test moves it.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "cluster/slots.h"
#include "commands/call.h"
#include "commands/command_table.h"
#include "commands/keyspace.h"

namespace torc::testing {

struct MapEntry {
    ValueType type = ValueType::string;
    std::string bytes;
    int64_t expire_at_ms = kNoExpiry;
    uint64_t idle_seconds = 0;
    unsigned frequency = 0;
};

/// What all databases of one fake node share.
struct MapWorld {
    static constexpr unsigned kDatabases = 16;
    std::vector<std::map<std::string, MapEntry, std::less<>>> databases{kDatabases};
    int64_t now_ms = 1'700'000'000'000;
    uint64_t changes = 0;  // calls that changed something: a failed command must leave it alone
    uint64_t hits = 0, misses = 0;
    bool unfinished = false;
};

class MapKeyspace final : public Keyspace {
  public:
    MapKeyspace(MapWorld& world, unsigned db, std::vector<std::unique_ptr<MapKeyspace>>& others)
        : world_(world), db_(db), others_(others) {}

    std::optional<Value> look(std::string_view key, unsigned traces) override {
        MapEntry* entry = entry_of(key);
        if ((traces & kCounted) != 0) ++(entry != nullptr ? world_.hits : world_.misses);
        if (entry == nullptr) return std::nullopt;
        if ((traces & kUsed) != 0) entry->idle_seconds = 0;
        return Value{entry->type, entry->bytes, entry->expire_at_ms};
    }
    void put(std::string_view key, ValueType type, std::string_view bytes, int64_t expire_at_ms) override {
        ++world_.changes;
        map()[std::string(key)] = MapEntry{type, std::string(bytes), expire_at_ms, 0, 0};
    }
    std::span<char> edit(std::string_view key) override {
        ++world_.changes;
        std::string& bytes = existing(key).bytes;
        return {bytes.data(), bytes.size()};
    }
    bool erase(std::string_view key) override {
        if (entry_of(key) == nullptr) return false;
        ++world_.changes;
        map().erase(map().find(key));
        return true;
    }
    void set_expiry(std::string_view key, int64_t at_ms) override {
        ++world_.changes;
        existing(key).expire_at_ms = at_ms;
    }

    uint64_t idle_seconds(std::string_view key) override { return existing(key).idle_seconds; }
    unsigned frequency(std::string_view key) override { return existing(key).frequency; }
    void set_idle_seconds(std::string_view key, uint64_t n) override { existing(key).idle_seconds = n; }
    void set_frequency(std::string_view key, unsigned n) override { existing(key).frequency = n; }
    uint64_t memory_usage(std::string_view key) override { return key.size() + existing(key).bytes.size(); }

    unsigned db() const override { return db_; }
    unsigned databases() const override { return MapWorld::kDatabases; }
    Keyspace& in_db(unsigned db) override { return *others_.at(db); }
    uint64_t size() const override { return map().size(); }
    uint64_t expires() const override {
        uint64_t count = 0;
        for (const auto& [key, entry] : map()) count += entry.expire_at_ms != kNoExpiry;
        return count;
    }
    void flush(bool) override {
        ++world_.changes;
        map().clear();
    }
    void swap(unsigned a, unsigned b) override {
        ++world_.changes;
        std::swap(world_.databases.at(a), world_.databases.at(b));
    }

    uint64_t scan(uint64_t cursor, const Visit& visit) override {
        for (const auto& [key, entry] : map())
            if (std::hash<std::string>{}(key) % kBuckets == cursor && !expired(entry)) visit(key, entry.type);
        return cursor + 1 < kBuckets ? cursor + 1 : 0;
    }
    void scan_slot(SlotId slot, size_t most, const Visit& visit) override {
        for (const auto& [key, entry] : map()) {
            if (most == 0) return;
            if (key_slot(key) != slot || expired(entry)) continue;
            visit(key, entry.type);
            --most;
        }
    }
    std::optional<std::string_view> random_key() override {
        for (const auto& [key, entry] : map())
            if (!expired(entry)) return key;
        return std::nullopt;
    }
    bool unfinished() const override { return world_.unfinished; }

  private:
    static constexpr uint64_t kBuckets = 8;

    std::map<std::string, MapEntry, std::less<>>& map() { return world_.databases[db_]; }
    const std::map<std::string, MapEntry, std::less<>>& map() const { return world_.databases[db_]; }
    bool expired(const MapEntry& entry) const {
        return entry.expire_at_ms != kNoExpiry && entry.expire_at_ms <= world_.now_ms;
    }
    MapEntry* entry_of(std::string_view key) {
        const auto found = map().find(key);
        return found == map().end() || expired(found->second) ? nullptr : &found->second;
    }
    MapEntry& existing(std::string_view key) {
        MapEntry* entry = entry_of(key);
        TORC_CHECK(entry != nullptr);
        return *entry;
    }

    MapWorld& world_;
    unsigned db_;
    std::vector<std::unique_ptr<MapKeyspace>>& others_;
};

/// One client of a fake node. `run("SET a \"b c\"")` gives the reply's bytes.
class CommandRunner {
  public:
    CommandRunner() {
        for (unsigned db = 0; db < MapWorld::kDatabases; ++db)
            databases_.push_back(std::make_unique<MapKeyspace>(world, db, databases_));
    }

    MapWorld world;
    ClientState client;
    int64_t max_string_bytes = 512LL << 20;
    /// Set by tests of commands that look at the node; the others never touch it.
    NodeView* node = nullptr;

    MapKeyspace& keys(unsigned db = 0) { return *databases_.at(db); }
    void use_resp3() { client.protocol = 3; }

    /// Words are separated by spaces; double quotes group, and know \r \n \" \\ and \xHH.
    std::string run(std::string_view line) {
        const std::vector<std::string> words = split(line);
        return run_words({words.begin(), words.end()});
    }
    std::string run_words(const std::vector<std::string_view>& words) {
        const CommandTable& table = CommandTable::instance();
        const CommandSpec* spec = table.find(words.at(0));
        if (spec != nullptr && !spec->subcommands.empty() && words.size() > 1)
            spec = CommandTable::find_subcommand(*spec, words[1]);
        if (spec == nullptr) return "-ERR unknown command\r\n";
        if (!arity_fits(*spec, words.size())) return "-ERR wrong number of arguments\r\n";
        return run_spec(*spec, words);
    }
    std::string run_spec(const CommandSpec& spec, const std::vector<std::string_view>& words) {
        Buffer out;
        ReplyWriter reply(out, client.protocol);
        // Commands without business with the node get a reference that must not be looked at.
        alignas(std::max_align_t) static char nothing[1];
        NodeView& view = node != nullptr ? *node : *reinterpret_cast<NodeView*>(nothing);
        Call call{spec, words, keys(client.db), client, view, reply, world.now_ms, max_string_bytes};
        spec.run(call);
        return std::string(out.view());
    }

    static std::vector<std::string> split(std::string_view line) {
        std::vector<std::string> words;
        for (size_t i = 0; i < line.size();) {
            if (line[i] == ' ') {
                ++i;
                continue;
            }
            std::string& word = words.emplace_back();
            bool quoted = false;
            for (; i < line.size() && (quoted || line[i] != ' '); ++i) {
                if (line[i] == '"') {
                    quoted = !quoted;
                } else if (quoted && line[i] == '\\' && i + 1 < line.size()) {
                    const char c = line[++i];
                    if (c == 'x' && i + 2 < line.size()) {
                        word += static_cast<char>(std::stoi(std::string(line.substr(i + 1, 2)), nullptr, 16));
                        i += 2;
                    } else {
                        word += c == 'r' ? '\r' : c == 'n' ? '\n' : c;
                    }
                } else {
                    word += line[i];
                }
            }
        }
        return words;
    }

  private:
    std::vector<std::unique_ptr<MapKeyspace>> databases_;
};

}  // namespace torc::testing

// Runs lines of commands against the fake keyspace and checks what every command owes: exactly one
// well-formed reply, the same bytes for the same run, no change by a command that failed or is marked as a
// reader, and integers of RESP2 and RESP3 that agree. The mutator works on whole commands: it puts in, drops,
// repeats and swaps commands and arguments from a vocabulary, so that most inputs get past the syntax.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/rng.h"
#include "commands/families.h"
#include "resp/number.h"
#include "resp/parser.h"
#include "tests/commands/map_keyspace.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using torc::CommandSpec;
using Words = std::vector<std::string>;

constexpr int64_t kMaxStringBytes = 512;  // small, so that the limit is met and memory isn't
// A bit field may reach a little behind the limit, and the largest float has 4951 characters.
constexpr size_t kLongestResult = 5120;

const std::vector<const CommandSpec*>& commands() {
    static const std::vector<const CommandSpec*> rows = [] {
        std::vector<const CommandSpec*> found;
        for (const auto family : {torc::string_commands(), torc::counter_commands(), torc::lcs_commands(),
                                  torc::bitmap_commands(), torc::bitfield_commands()})
            for (const CommandSpec& spec : family) found.push_back(&spec);
        return found;
    }();
    return rows;
}

constexpr std::string_view kVocabulary[] = {"a",
                                            "b",
                                            "{t}c",
                                            "list",
                                            "",
                                            "0",
                                            "1",
                                            "-1",
                                            "2",
                                            "7",
                                            "8",
                                            "63",
                                            "64",
                                            "511",
                                            "4095",
                                            "4096",
                                            "9223372036854775807",
                                            "-9223372036854775808",
                                            "9223372036854775808",
                                            "1.5",
                                            "-0",
                                            "inf",
                                            "nan",
                                            "1e4900",
                                            "+1",
                                            "01",
                                            "EX",
                                            "PX",
                                            "EXAT",
                                            "PXAT",
                                            "NX",
                                            "XX",
                                            "GET",
                                            "SET",
                                            "INCRBY",
                                            "KEEPTTL",
                                            "PERSIST",
                                            "OVERFLOW",
                                            "WRAP",
                                            "SAT",
                                            "FAIL",
                                            "u8",
                                            "i8",
                                            "u63",
                                            "i64",
                                            "u1",
                                            "i5",
                                            "u64",
                                            "#0",
                                            "#3",
                                            "#-1",
                                            "BIT",
                                            "BYTE",
                                            "AND",
                                            "OR",
                                            "XOR",
                                            "NOT",
                                            "IDX",
                                            "LEN",
                                            "WITHMATCHLEN",
                                            "MINMATCHLEN",
                                            "\xff\x00\x80"};

std::string any_word(torc::Rng& random) {
    return std::string(kVocabulary[random.below(std::size(kVocabulary))]);
}

Words any_command(torc::Rng& random) {
    const CommandSpec& spec = *commands()[random.below(commands().size())];
    Words words{std::string(spec.name)};
    const auto least = static_cast<size_t>(std::abs(spec.arity));
    const size_t count = least + (spec.arity < 0 ? random.below(6) : 0);
    while (words.size() < count) words.push_back(any_word(random));
    return words;
}

std::vector<Words> read_commands(std::string stream) {
    std::vector<Words> found;
    torc::RequestParser parser;
    std::span<char> rest(stream);
    for (;;) {
        std::vector<std::string_view> args;
        const auto result = parser.parse(rest, {}, args);
        if (result.status != torc::ParseStatus::command) return found;
        rest = rest.subspan(result.consumed);
        found.emplace_back(args.begin(), args.end());
    }
}

std::string write_commands(const std::vector<Words>& commands) {
    std::string stream;
    for (const Words& words : commands) {
        stream += fmt::format("*{}\r\n", words.size());
        for (const std::string& word : words) stream += fmt::format("${}\r\n{}\r\n", word.size(), word);
    }
    return stream;
}

// Moves behind one reply; false when it isn't one.
bool skip_reply(std::string_view& rest) {
    const size_t line_end = rest.find("\r\n");
    if (rest.empty() || line_end == std::string_view::npos) return false;
    const char kind = rest[0];
    const std::string_view line = rest.substr(1, line_end - 1);
    rest.remove_prefix(line_end + 2);
    if (kind == '+' || kind == '-' || kind == '_') return line.find('\n') == std::string_view::npos;
    const auto number = torc::parse_integer(line);
    if (!number) return false;
    if (kind == ':') return true;
    if (kind == '$') {
        if (*number == -1) return true;
        const auto size = static_cast<size_t>(*number);
        if (*number < 0 || rest.size() < size + 2 || rest.substr(size, 2) != "\r\n") return false;
        rest.remove_prefix(size + 2);
        return true;
    }
    if (kind != '*' && kind != '%') return false;
    for (int64_t i = 0; i < *number * (kind == '%' ? 2 : 1); ++i)
        if (!skip_reply(rest)) return false;
    return true;
}

class Session {
  public:
    explicit Session(int protocol) {
        runner_.client.protocol = protocol;
        runner_.max_string_bytes = kMaxStringBytes;
        runner_.keys().put("list", torc::ValueType::list, "x", torc::kNoExpiry);
    }

    std::string run(const CommandSpec& spec, const Words& words) {
        const uint64_t changes = runner_.world.changes;
        const std::vector<std::string_view> views(words.begin(), words.end());
        std::vector<torc::KeyPosition> keys;
        if (torc::find_keys(spec, views, keys))
            for (const auto& key : keys)
                TORC_CHECK(key.index > 0 && static_cast<size_t>(key.index) < words.size());
        std::string reply = runner_.run_spec(spec, views);
        std::string_view rest = reply;
        TORC_CHECK(skip_reply(rest) && rest.empty());
        if (reply[0] == '-' || (spec.flags & torc::kReadonly) != 0)
            TORC_CHECK(runner_.world.changes == changes);
        runner_.world.now_ms += 1;
        return reply;
    }
    const auto& data() const { return runner_.world.databases[0]; }

  private:
    torc::testing::CommandRunner runner_;
};

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
    torc::Rng random(seed);
    if (random.one_in(10)) return LLVMFuzzerMutate(data, size, max_size);
    std::vector<Words> list = read_commands(std::string(reinterpret_cast<const char*>(data), size));
    for (uint64_t rounds = 1 + random.below(4); rounds > 0; --rounds) {
        if (list.empty() || random.one_in(3)) {
            list.insert(list.begin() + static_cast<std::ptrdiff_t>(random.below(list.size() + 1)),
                        any_command(random));
            continue;
        }
        const size_t at = random.below(list.size());
        Words& words = list[at];
        switch (random.below(6)) {
            case 0:
                list.erase(list.begin() + static_cast<std::ptrdiff_t>(at));
                break;
            case 1:
                list.push_back(words);
                break;
            case 2:
                std::swap(words, list[random.below(list.size())]);
                break;
            case 3:
                words.insert(words.begin() + static_cast<std::ptrdiff_t>(1 + random.below(words.size())),
                             any_word(random));
                break;
            case 4:
                words[random.below(words.size())] = any_word(random);
                break;
            case 5:
                if (words.size() > 1)
                    words.erase(words.begin() +
                                static_cast<std::ptrdiff_t>(1 + random.below(words.size() - 1)));
                break;
        }
    }
    const std::string stream = write_commands(list);
    if (stream.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
    std::copy(stream.begin(), stream.end(), data);
    return stream.size();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Session resp2(2);
    Session resp3(3);
    for (const Words& words : read_commands(std::string(reinterpret_cast<const char*>(data), size))) {
        const CommandSpec* spec = nullptr;
        for (const CommandSpec* row : commands())
            if (torc::word_is(row->name, words[0])) spec = row;
        if (spec == nullptr || !torc::arity_fits(*spec, words.size())) continue;
        const std::string two = resp2.run(*spec, words);
        const std::string three = resp3.run(*spec, words);
        if (two[0] == ':' || two[0] == '-' || two[0] == '+') TORC_CHECK(two == three);
    }
    TORC_CHECK(resp2.data().size() == resp3.data().size());
    for (const auto& [key, entry] : resp2.data()) {
        const auto other = resp3.data().find(key);
        TORC_CHECK(other != resp3.data().end() && other->second.bytes == entry.bytes);
        TORC_CHECK(entry.bytes.size() <= std::max(kLongestResult, size));
    }
    return 0;
}

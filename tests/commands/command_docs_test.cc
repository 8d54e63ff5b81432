#include "commands/command_docs.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "commands/command_table.h"

namespace torc {
namespace {

/// Every row with its full name, subcommands included.
void for_each_row(const std::function<void(const CommandSpec&, const std::string&)>& visit) {
    for (const CommandSpec* spec : CommandTable::instance().all()) {
        visit(*spec, std::string(spec->name));
        for (const CommandSpec& sub : spec->subcommands)
            visit(sub, std::string(spec->name) + "|" + std::string(sub.name));
    }
}

TEST(CommandDocsTest, EachCommandHasADocumentAndEachDocumentACommand) {
    std::set<std::string> names;
    for_each_row([&](const CommandSpec&, const std::string& name) {
        names.insert(name);
        EXPECT_NE(find_command_doc(name), nullptr) << name;
    });
    std::set<std::string_view> seen;
    for (const CommandDoc* doc : all_command_docs()) {
        EXPECT_TRUE(names.contains(std::string(doc->name))) << doc->name;
        EXPECT_TRUE(seen.insert(doc->name).second) << doc->name << " stands twice";
        EXPECT_FALSE(doc->summary.empty()) << doc->name;
        EXPECT_FALSE(doc->since.empty()) << doc->name;
        EXPECT_EQ(doc->deprecated_since.empty(), doc->replaced_by.empty()) << doc->name;
    }
    EXPECT_EQ(find_command_doc("nosuch"), nullptr);
}

TEST(CommandDocsTest, KeyArgumentsPointToKeySpecs) {
    const std::function<void(const CommandSpec&, const std::vector<ArgumentDoc>&)> check =
        [&](const CommandSpec& spec, const std::vector<ArgumentDoc>& arguments) {
            for (const ArgumentDoc& argument : arguments) {
                if (argument.type == "key") {
                    EXPECT_GE(argument.key_spec, 0) << spec.name;
                    EXPECT_LT(argument.key_spec, static_cast<int>(spec.keys.size())) << spec.name;
                }
                if (argument.type == "oneof" || argument.type == "block") {
                    EXPECT_FALSE(argument.arguments.empty()) << spec.name;
                } else {
                    EXPECT_TRUE(argument.arguments.empty()) << spec.name;
                }
                check(spec, argument.arguments);
            }
        };
    for_each_row([&](const CommandSpec& spec, const std::string& name) {
        if (const CommandDoc* doc = find_command_doc(name)) check(spec, parse_arguments(doc->arguments));
    });
}

TEST(CommandDocsTest, TheNotation) {
    const auto arguments = parse_arguments(
        "key:key@0 condition:oneof?+2.6.12(nx! xx!) seconds:integer=EX?**+2.6.12~7.0.0 'ip:port'=ADDR");
    ASSERT_EQ(arguments.size(), 4u);
    EXPECT_EQ(arguments[0].name, "key");
    EXPECT_EQ(arguments[0].type, "key");
    EXPECT_EQ(arguments[0].key_spec, 0);
    EXPECT_FALSE(arguments[0].optional || arguments[0].multiple || arguments[0].has_token);
    EXPECT_TRUE(arguments[1].optional);
    EXPECT_EQ(arguments[1].since, "2.6.12");
    ASSERT_EQ(arguments[1].arguments.size(), 2u);
    EXPECT_EQ(arguments[1].arguments[1].type, "pure-token");
    EXPECT_EQ(arguments[1].arguments[1].token, "XX");
    EXPECT_EQ(arguments[2].token, "EX");
    EXPECT_TRUE(arguments[2].optional && arguments[2].multiple && arguments[2].multiple_token);
    EXPECT_EQ(arguments[2].deprecated_since, "7.0.0");
    EXPECT_EQ(arguments[3].name, "ip:port");
    EXPECT_EQ(arguments[3].type, "string");
    EXPECT_TRUE(parse_arguments("").empty());
}

TEST(CommandDocsDeathTest, AMalformedRowStopsTheProcess) {
    EXPECT_DEATH(parse_arguments("a:oneof(b"), "");
    EXPECT_DEATH(parse_arguments("a)"), "");
    EXPECT_DEATH(parse_arguments("'a"), "");
}

}  // namespace
}  // namespace torc

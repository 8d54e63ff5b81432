#include "cluster/node_id.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/rng.h"

namespace torc {
namespace {

TEST(NodeId, NamesAreFortyLowerCaseHexDigitsThatBeginWithTheId) {
    const std::string name = node_name(0x0123456789abcdefULL);
    EXPECT_EQ(name.size(), 40u);
    EXPECT_EQ(name.substr(0, 16), "0123456789abcdef");
    EXPECT_EQ(name.find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST(NodeId, EveryIdComesBackFromItsName) {
    Rng rng(1);
    std::set<std::string> names;
    for (NodeId id : {NodeId{1}, NodeId{UINT64_MAX}, NodeId{1} << 63})
        EXPECT_EQ(parse_node_name(node_name(id)), id);
    for (int i = 0; i < 1000; ++i) {
        const NodeId id = rng.next();
        EXPECT_EQ(parse_node_name(node_name(id)), id);
        names.insert(node_name(id));
    }
    EXPECT_EQ(names.size(), 1000u);
}

TEST(NodeId, NamesOfNobodyAreRefused) {
    const std::string name = node_name(0x0123456789abcdefULL);
    EXPECT_EQ(parse_node_name(""), std::nullopt);
    EXPECT_EQ(parse_node_name(name.substr(1)), std::nullopt);
    EXPECT_EQ(parse_node_name(name + "0"), std::nullopt);
    EXPECT_EQ(parse_node_name(node_name(0)), std::nullopt);
    EXPECT_EQ(parse_node_name(std::string(40, 'g')), std::nullopt);
    std::string upper = name;
    upper[10] = 'A';
    EXPECT_EQ(parse_node_name(upper), std::nullopt);
}

TEST(NodeId, OneWrongDigitMakesANameNobodys) {
    const std::string name = node_name(0x0123456789abcdefULL);
    for (size_t at = 0; at < name.size(); ++at) {
        for (const char digit : std::string("0123456789abcdefF g:")) {
            if (name[at] == digit) continue;
            std::string mistyped = name;
            mistyped[at] = digit;
            EXPECT_EQ(parse_node_name(mistyped), std::nullopt) << mistyped;
        }
    }
}

}  // namespace
}  // namespace torc

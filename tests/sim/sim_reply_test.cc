#include "sim/sim_reply.h"

#include <gtest/gtest.h>

namespace torc {
namespace {

TEST(SimReply, EveryKindAndNoneBeforeItIsWhole) {
    const std::string bytes = "*4\r\n$1\r\nx\r\n$-1\r\n:-7\r\n-ERR no\r\n";
    SimReply reply;
    for (size_t size = 0; size < bytes.size(); ++size) EXPECT_EQ(parse_reply(bytes.substr(0, size), reply), 0u);
    ASSERT_EQ(parse_reply(bytes + "+OK\r\n", reply), bytes.size());
    ASSERT_EQ(reply.items.size(), 4u);
    EXPECT_EQ(reply.items[0].text, "x");
    EXPECT_TRUE(reply.items[1].nil);
    EXPECT_EQ(reply.items[2].integer(), -7);
    EXPECT_TRUE(reply.items[3].is_error("ERR"));
    EXPECT_FALSE(reply.items[0].is_error("ERR"));
}

}  // namespace
}  // namespace torc

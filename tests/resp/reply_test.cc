#include "resp/reply.h"

#include <gtest/gtest.h>

#include <limits>

namespace torc {
namespace {

class Replies : public ::testing::Test {
  protected:
    // What `write` leaves behind, in RESP2 and RESP3.
    template <class Write>
    void expect(Write write, std::string_view resp2, std::string_view resp3) {
        for (const int protocol : {2, 3}) {
            Buffer out;
            ReplyWriter reply(out, protocol);
            write(reply);
            EXPECT_EQ(out.view(), protocol == 2 ? resp2 : resp3);
        }
    }
    template <class Write>
    void expect(Write write, std::string_view both) {
        expect(write, both, both);
    }
};

TEST_F(Replies, Lines) {
    expect([](ReplyWriter& r) { r.ok(); }, "+OK\r\n");
    expect([](ReplyWriter& r) { r.simple("PONG"); }, "+PONG\r\n");
    expect([](ReplyWriter& r) { r.error("ERR a\r\nb"); }, "-ERR a  b\r\n");
}

TEST_F(Replies, Integers) {
    expect(
        [](ReplyWriter& r) {
            for (const int64_t n : {0L, 9L, 10L, 99L, 100L, -1L, -10L}) r.integer(n);
            r.integer(std::numeric_limits<int64_t>::min());
        },
        ":0\r\n:9\r\n:10\r\n:99\r\n:100\r\n:-1\r\n:-10\r\n:-9223372036854775808\r\n");
}

TEST_F(Replies, Bulks) {
    expect([](ReplyWriter& r) { r.bulk(""); }, "$0\r\n\r\n");
    expect([](ReplyWriter& r) { r.bulk(std::string_view("\0\r\n", 3)); },
           std::string_view("$3\r\n\0\r\n\r\n", 9));
    expect([](ReplyWriter& r) { r.bulk(std::string(1000, 'x')); },
           "$1000\r\n" + std::string(1000, 'x') + "\r\n");
    expect([](ReplyWriter& r) { r.bulk_integer(-12); }, "$3\r\n-12\r\n");
}

TEST_F(Replies, WhatRespTwoLacks) {
    expect([](ReplyWriter& r) { r.null(); }, "$-1\r\n", "_\r\n");
    expect([](ReplyWriter& r) { r.null_array(); }, "*-1\r\n", "_\r\n");
    expect([](ReplyWriter& r) { r.map(2); }, "*4\r\n", "%2\r\n");
    expect([](ReplyWriter& r) { r.set(2); }, "*2\r\n", "~2\r\n");
    expect([](ReplyWriter& r) { r.push(3); }, "*3\r\n", ">3\r\n");
    expect([](ReplyWriter& r) { r.boolean(true); }, ":1\r\n", "#t\r\n");
    expect([](ReplyWriter& r) { r.boolean(false); }, ":0\r\n", "#f\r\n");
    expect([](ReplyWriter& r) { r.double_(0.5); }, "$3\r\n0.5\r\n", ",0.5\r\n");
    expect([](ReplyWriter& r) { r.big_number("123"); }, "$3\r\n123\r\n", "(123\r\n");
    expect([](ReplyWriter& r) { r.verbatim("txt", "hello"); }, "$5\r\nhello\r\n", "=9\r\ntxt:hello\r\n");
}

TEST_F(Replies, DeferredHeadersGoInFront) {
    expect(
        [](ReplyWriter& r) {
            r.integer(7);
            const size_t outer = r.begin_deferred();
            const size_t inner = r.begin_deferred();
            r.integer(1);
            r.end_deferred_map(inner, 12);
            r.end_deferred_array(outer, 1);
            const size_t set = r.begin_deferred();
            r.end_deferred_set(set, 0);
        },
        ":7\r\n*1\r\n*24\r\n:1\r\n*0\r\n", ":7\r\n*1\r\n%12\r\n:1\r\n~0\r\n");
}

TEST_F(Replies, RewindDiscards) {
    Buffer out;
    ReplyWriter reply(out);
    reply.ok();
    const size_t mark = reply.position();
    reply.error("ERR no");
    reply.rewind(mark);
    EXPECT_EQ(out.view(), "+OK\r\n");
    EXPECT_EQ(reply.errors(), 1u);
}

}  // namespace
}  // namespace torc

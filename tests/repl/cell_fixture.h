// A replica of one key, for tests: a cell and the clock of its actor.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "repl/cell.h"

namespace torc {

inline CellView view_of(const std::string& cell) {
    const auto view = CellView::parse(cell);
    EXPECT_TRUE(view.has_value());
    return view.value_or(CellView());
}

/// "(nil)" when the key doesn't exist.
inline std::string shown(const std::string& cell) {
    if (cell.empty()) return "(nil)";
    const CellView view = view_of(cell);
    std::string scratch;
    return view.exists() ? std::string(view.value(scratch)) : "(nil)";
}

inline std::string merged(const std::string& local, const std::string& incoming, size_t max = 100) {
    std::string out = "untouched", sent;
    append_replicated(sent, incoming);
    switch (merge_cells(out, local, sent, max)) {
        case Merged::unchanged:
            EXPECT_EQ(out, "untouched");
            return local;
        case Merged::taken: {
            std::string replicated;
            append_replicated(replicated, out);
            EXPECT_EQ(replicated, sent);
            return out;
        }
        case Merged::joined:
            return out;
    }
    return out;
}

struct TestReplica {
    ActorId actor = 0;
    std::string cell = {};
    Stamp* clock = nullptr;

    WriteStamp next() { return {actor, ++*clock}; }
    void set(std::string_view value, int64_t at = kNoExpiry) {
        std::string out;
        write_value(out, cell, next(), value, at);
        cell = out;
    }
    void del() {
        std::string out;
        write_delete(out, cell, next());
        cell = out;
    }
    void expire(int64_t at) {
        std::string out;
        write_expiry(out, cell, next(), at);
        cell = out;
    }
    void incr(int64_t by = 1) {
        std::string out;
        EXPECT_TRUE(write_add(out, cell, next(), by));
        cell = out;
    }
    void incr_decimal(long double by) {
        std::string out;
        EXPECT_TRUE(write_add_decimal(out, cell, next(), by));
        cell = out;
    }
    void resolve(std::string_view value, const Context& seen, size_t max = 100) {
        std::string out;
        write_resolved(out, cell, next(), value, kNoExpiry, seen, max);
        cell = out;
    }
    void receive(const TestReplica& from) {
        if (!from.cell.empty()) cell = merged(cell, from.cell);
    }
    std::string get() const { return shown(cell); }
    CellView view() const { return view_of(cell); }
};

/// Three replicas under one clock: later calls have later stamps whoever makes them.
struct ThreeReplicas : testing::Test {
    Stamp clock = 1000;
    TestReplica a{.actor = 1, .clock = &clock}, b{.actor = 2, .clock = &clock},
        c{.actor = 3, .clock = &clock};

    void exchange(TestReplica& x, TestReplica& y) {
        x.receive(y);
        y.receive(x);
        EXPECT_EQ(x.view().digest(), y.view().digest());
        EXPECT_EQ(x.get(), y.get());
    }
};

}  // namespace torc

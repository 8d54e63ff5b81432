// Many connections and threads at once against one server process. The server may be a ThreadSanitizer build:
// set TORC_SERVER to it.
#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "torc_process.h"

namespace torc::testing {
namespace {

constexpr int kAccounts = 20;
constexpr int kStart = 1000;

std::string account(int i) {
    return "account:" + std::to_string(i);
}

std::vector<std::string> all_accounts(const std::string& command) {
    std::vector<std::string> words{command};
    for (int i = 0; i < kAccounts; ++i) words.push_back(account(i));
    return words;
}

long long sum_of(const redisReply* reply) {
    if (reply == nullptr || reply->type != REDIS_REPLY_ARRAY) return -1;
    long long sum = 0;
    for (size_t i = 0; i < reply->elements; ++i) sum += std::stoll(text_of(reply->element[i]));
    return sum;
}

/// MULTI, one amount taken and given, EXEC, in one write: the form in which clients send it.
bool transfer(redisContext* c, int from, int to, int amount) {
    redisAppendCommand(c, "MULTI");
    redisAppendCommand(c, "DECRBY %s %d", account(from).c_str(), amount);
    redisAppendCommand(c, "INCRBY %s %d", account(to).c_str(), amount);
    redisAppendCommand(c, "EXEC");
    bool good = true;
    for (int i = 0; i < 4; ++i) {
        void* raw = nullptr;
        if (redisGetReply(c, &raw) != REDIS_OK) return false;
        const ReplyPtr reply(static_cast<redisReply*>(raw));
        if (i == 3) good = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2;
    }
    return good;
}

/// Read, decide, write under WATCH; repeated until EXEC is not refused.
bool watched_transfer(redisContext* c, int from, int to, int amount, std::atomic<int>& refused) {
    while (true) {
        ask(c, {"WATCH", account(from), account(to)});
        const ReplyPtr balances = ask(c, {"MGET", account(from), account(to)});
        if (balances == nullptr || balances->elements != 2) return false;
        const long long source = std::stoll(text_of(balances->element[0]));
        const long long target = std::stoll(text_of(balances->element[1]));
        ask(c, {"MULTI"});
        ask(c, {"SET", account(from), std::to_string(source - amount)});
        ask(c, {"SET", account(to), std::to_string(target + amount)});
        const ReplyPtr done = ask(c, {"EXEC"});
        if (done == nullptr) return false;
        if (done->type == REDIS_REPLY_ARRAY) return true;
        ++refused;
    }
}

TEST(Concurrency, TransfersNeverChangeTheSum) {
    constexpr int kThreads = 6, kTransfers = 600;
    TorcProcess server({"--io-threads", "4"});
    const ContextPtr control = connect_to(server.port());
    ASSERT_NE(control, nullptr);
    std::vector<std::string> start{"MSET"};
    for (int i = 0; i < kAccounts; ++i) {
        start.push_back(account(i));
        start.push_back(std::to_string(kStart));
    }
    ASSERT_EQ(ask_text(control.get(), start), "OK");

    std::atomic<bool> done{false};
    std::atomic<int> failed{0}, refused{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            const ContextPtr client = connect_to(server.port());
            std::mt19937 random(static_cast<unsigned>(t));
            for (int i = 0; client != nullptr && i < kTransfers; ++i) {
                const int from = static_cast<int>(random() % kAccounts);
                const int to = (from + 1 + static_cast<int>(random() % (kAccounts - 1))) % kAccounts;
                const int amount = static_cast<int>(random() % 50);
                const bool good = t % 2 == 0 ? transfer(client.get(), from, to, amount)
                                             : watched_transfer(client.get(), from, to, amount, refused);
                if (!good) ++failed;
            }
            if (client == nullptr) ++failed;
        });
    }
    // Both ways to read all accounts at one moment must show the same sum while the transfers run.
    std::atomic<int> reads{0}, wrong{0};
    std::thread reader([&] {
        const ContextPtr client = connect_to(server.port());
        while (client != nullptr && !done) {
            if (sum_of(ask(client.get(), all_accounts("MGET")).get()) != kAccounts * kStart) ++wrong;
            ask(client.get(), {"MULTI"});
            for (int i = 0; i < kAccounts; ++i) ask(client.get(), {"GET", account(i)});
            if (sum_of(ask(client.get(), {"EXEC"}).get()) != kAccounts * kStart) ++wrong;
            ++reads;
        }
    });
    for (std::thread& thread : threads) thread.join();
    done = true;
    reader.join();
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(wrong, 0);
    EXPECT_GT(reads, 0);
    EXPECT_EQ(sum_of(ask(control.get(), all_accounts("MGET")).get()), kAccounts * kStart);
}

TEST(Concurrency, IncrementsOfOneKeyAllCount) {
    constexpr int kThreads = 8, kIncrements = 2000;
    TorcProcess server({"--io-threads", "4"});
    std::vector<std::thread> threads;
    std::atomic<int> failed{0};
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&] {
            const ContextPtr client = connect_to(server.port());
            for (int i = 0; i < kIncrements; ++i) redisAppendCommand(client.get(), "INCR counter");
            for (int i = 0; i < kIncrements; ++i) {
                void* raw = nullptr;
                if (redisGetReply(client.get(), &raw) != REDIS_OK) {
                    ++failed;
                    return;
                }
                freeReplyObject(raw);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(ask_text(connect_to(server.port()).get(), {"GET", "counter"}),
              std::to_string(kThreads * kIncrements));
}

// SCAN's promise: a key that is there from the start of the walk to its end is returned.
TEST(Concurrency, ScanSeesEveryLastingKeyWhileOthersComeAndGo) {
    constexpr int kLasting = 3000, kChurn = 20'000;
    TorcProcess server({"--io-threads", "4"});
    const ContextPtr control = connect_to(server.port());
    ASSERT_NE(control, nullptr);
    std::set<std::string> lasting;
    for (int i = 0; i < kLasting; ++i) {
        const std::string key = (i % 2 == 0 ? "stay:" : "{one slot}stay:") + std::to_string(i);
        lasting.insert(key);
        ASSERT_EQ(ask_text(control.get(), {"SET", key, "v"}), "OK");
    }

    std::atomic<bool> done{false};
    std::thread churn([&] {
        const ContextPtr client = connect_to(server.port());
        for (int round = 0; client != nullptr && !done; ++round) {
            const char* const command =
                round % 2 == 0 ? "SET {one slot}churn:%d v" : "DEL {one slot}churn:%d";
            for (int i = 0; i < kChurn && !done; i += 100) {
                for (int j = 0; j < 100; ++j) redisAppendCommand(client.get(), command, i + j, "");
                for (int j = 0; j < 100; ++j) {
                    void* raw = nullptr;
                    if (redisGetReply(client.get(), &raw) != REDIS_OK) return;
                    freeReplyObject(raw);
                }
            }
        }
    });
    for (int walk = 0; walk < 10; ++walk) {
        std::set<std::string> seen;
        std::string cursor = "0";
        do {
            const ReplyPtr reply = ask(control.get(), {"SCAN", cursor, "COUNT", "50"});
            ASSERT_NE(reply, nullptr);
            ASSERT_EQ(reply->elements, 2u) << text_of(reply.get());
            cursor = text_of(reply->element[0]);
            for (size_t i = 0; i < reply->element[1]->elements; ++i)
                seen.insert(text_of(reply->element[1]->element[i]));
        } while (cursor != "0");
        for (const std::string& key : lasting) EXPECT_TRUE(seen.contains(key)) << key << " in walk " << walk;
    }
    done = true;
    churn.join();
}

TEST(Concurrency, SwapsAndFlushesAmongWritesLeaveAWholeServer) {
    constexpr int kThreads = 4, kRounds = 300;
    TorcProcess server({"--io-threads", "4"});
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            const ContextPtr client = connect_to(server.port());
            for (int i = 0; client != nullptr && i < kRounds; ++i) {
                const std::string n = std::to_string(i);
                ask(client.get(), {"MSET", "a" + n, n, "b" + n, n, "c" + n, n});
                ask(client.get(), {"RENAME", "a" + n, "d" + n});
                ask(client.get(), {"COPY", "b" + n, "e" + n, "REPLACE"});
                if (t == 0 && i % 10 == 0) ask(client.get(), {"SWAPDB", "0", "1"});
                if (t == 1 && i % 50 == 0) ask(client.get(), {"FLUSHALL"});
                if (t == 2) ask(client.get(), {"SET", "short" + n, "v", "PX", "1"});
                if (t == 3) ask(client.get(), {"KEYS", "*" + n});
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    const ContextPtr client = connect_to(server.port());
    ASSERT_NE(client, nullptr);
    EXPECT_EQ(ask_text(client.get(), {"FLUSHALL"}), "OK");
    EXPECT_EQ(ask_text(client.get(), {"DBSIZE"}), "0");
    EXPECT_EQ(ask_text(client.get(), {"SET", "k", "v"}), "OK");
    EXPECT_EQ(ask_text(client.get(), {"GET", "k"}), "v");
}

}  // namespace
}  // namespace torc::testing

#include "server/background.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "tests/server/loop_fixture.h"

namespace torc {
namespace {

class BackgroundTest : public testing::Test {
  protected:
    FakeNode fake_;
    Node node_{fake_.config, {posix_disk(), system_clock(), 1, [] {}}};
};

TEST_F(BackgroundTest, LoadsThenWarmsAndMaintainsWithoutEnd) {
    std::promise<bool> loaded;
    Background background(node_, [&](const Result<void>& result) { loaded.set_value(result.has_value()); });
    background.start();
    EXPECT_TRUE(loaded.get_future().get());
    EXPECT_TRUE(eventually([this] { return fake_.warm_steps == 5 && fake_.maintenance_steps > 15; }));
}

TEST_F(BackgroundTest, AWantedSyncComesAtOnce) {
    std::promise<void> loaded;
    Background background(node_, [&](const Result<void>&) { loaded.set_value(); });
    background.start();
    loaded.get_future().wait();
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 1; i <= 20; ++i) {
        const int before = fake_.syncs;
        fake_.sync_wanted();
        ASSERT_TRUE(eventually([&] { return fake_.syncs > before; }));
    }
    // By the clock alone 20 syncs would take 20 seconds.
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST_F(BackgroundTest, SyncsOnceASecondUnasked) {
    Background background(node_, [](const Result<void>&) {});
    background.start();
    EXPECT_TRUE(eventually([this] { return fake_.syncs >= 1; }));
}

TEST_F(BackgroundTest, AFailedLoadStartsNothing) {
    fake_.fail_load = true;
    std::promise<std::string> message;
    Background background(node_,
                          [&](const Result<void>& result) { message.set_value(result.error().message); });
    background.start();
    EXPECT_EQ(message.get_future().get(), "no such luck");
    background.stop();
    EXPECT_EQ(fake_.warm_steps + fake_.maintenance_steps + fake_.syncs, 0);
}

}  // namespace
}  // namespace torc

#include "node/cluster_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace torc {
namespace {

using ::testing::HasSubstr;

Result<ControlPlane::Settings> settings_of(std::vector<std::string> argv) {
    Config config;
    const auto loaded = config.load(argv);
    EXPECT_TRUE(loaded) << loaded.error().message;
    return cluster_settings(config);
}

TEST(ClusterSettings, WhatIsntSaidFollowsFromThePort) {
    const auto settings = settings_of({"--port", "7001"});
    ASSERT_TRUE(settings);
    EXPECT_EQ(settings->client.port, 7001);
    EXPECT_EQ(settings->bus.port, 17001);
    EXPECT_EQ(settings->bus.host, "");
    EXPECT_TRUE(settings->seeds.empty());
    EXPECT_EQ(settings->replaces, 0u);
    EXPECT_EQ(settings->replication_factor, 3u);
}

TEST(ClusterSettings, WhatIsAnnouncedGoesFirst) {
    const auto settings =
        settings_of({"--port", "7001", "--cluster-port", "7101", "--cluster-announce-ip", "10.0.0.1",
                     "--cluster-announce-port", "7201", "--cluster-announce-bus-port", "7301", "--datacenter",
                     "west", "--rack", "r9", "--vnodes", "32", "--replication-factor", "5"});
    ASSERT_TRUE(settings);
    EXPECT_EQ(settings->bus, (Endpoint{"10.0.0.1", 7301}));
    EXPECT_EQ(settings->client, (Endpoint{"10.0.0.1", 7201}));
    EXPECT_EQ(settings->self.datacenter, "west");
    EXPECT_EQ(settings->self.rack, "r9");
    EXPECT_EQ(settings->self.vnodes, 32u);
    EXPECT_EQ(settings->replication_factor, 5u);
    Config config;
    ASSERT_TRUE(config.load({"--port", "7001", "--cluster-port", "7101"}));
    EXPECT_EQ(bus_port(config), 7101);
}

TEST(ClusterSettings, SeedsAreAListAndEachIsChecked) {
    const auto settings = settings_of({"--cluster-seeds", "10.0.0.1:7001, localhost:2,[::1]:3"});
    ASSERT_TRUE(settings);
    EXPECT_THAT(settings->seeds, testing::ElementsAre(Endpoint{"10.0.0.1", 7001}, Endpoint{"127.0.0.1", 2},
                                                      Endpoint{"::1", 3}));
    const auto bad = settings_of({"--cluster-seeds", "10.0.0.1:7001,nonsense"});
    ASSERT_FALSE(bad);
    EXPECT_THAT(bad.error().message, HasSubstr("cluster-seeds: 'nonsense'"));
}

TEST(ClusterSettings, APortWithoutABusPortIsRefused) {
    EXPECT_FALSE(settings_of({"--port", "60000"}));
    EXPECT_TRUE(settings_of({"--port", "60000", "--cluster-port", "6000"}));
    EXPECT_TRUE(settings_of({"--port", "55535"}));
}

TEST(ClusterSettings, AReplacementNeedsANameAndSeeds) {
    const std::string name = node_name(0x1234);
    const auto settings = settings_of({"--cluster-replace", name, "--cluster-seeds", "h:1"});
    ASSERT_TRUE(settings);
    EXPECT_EQ(settings->replaces, 0x1234u);
    EXPECT_FALSE(settings_of({"--cluster-replace", name}));
    EXPECT_FALSE(settings_of({"--cluster-replace", "nobody", "--cluster-seeds", "h:1"}));
}

TEST(ParseEndpoint, NeedsHostAndPort) {
    EXPECT_EQ(*parse_endpoint("h:65535"), (Endpoint{"h", 65535}));
    for (const std::string_view bad : {"", ":", "h", "h:", ":1", "h:0", "h:65536", "h:-1", "h:1x", "h: 1"})
        EXPECT_FALSE(parse_endpoint(bad)) << bad;
}

}  // namespace
}  // namespace torc

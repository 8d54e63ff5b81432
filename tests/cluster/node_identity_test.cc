#include "cluster/node_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/rng.h"
#include "cluster/cluster_file.h"
#include "sim/sim_disk.h"

namespace torc {
namespace {

using testing::HasSubstr;

class NodeIdentityTest : public testing::Test {
  protected:
    void SetUp() override { ASSERT_TRUE(disk.make_directory("d")); }

    NodeIdentity open(uint64_t entropy) {
        const auto identity = open_node_identity(disk, "d", entropy);
        EXPECT_TRUE(identity) << identity.error().message;
        return identity.value_or(NodeIdentity{});
    }
    Error open_error(uint64_t entropy) {
        const auto identity = open_node_identity(disk, "d", entropy);
        EXPECT_FALSE(identity);
        return identity ? Error{} : identity.error();
    }

    SimDisk disk;
};

TEST_F(NodeIdentityTest, TheNodeStaysAndTheActorIsNewAtEveryStart) {
    Rng rng(1);
    const NodeIdentity first = open(rng.next());
    EXPECT_NE(first.node, 0u);
    EXPECT_NE(first.actor, 0u);
    std::set<uint64_t> actors{first.actor, first.node};
    for (uint64_t start = 2; start < 200; ++start) {
        if (start % 2 == 0) disk.power_loss(start);
        const NodeIdentity identity = open(rng.next());
        EXPECT_EQ(identity.node, first.node);
        EXPECT_EQ(identity.starts, start);
        EXPECT_TRUE(actors.insert(identity.actor).second);
    }
}

TEST_F(NodeIdentityTest, EvenTheSameEntropyGivesANewActorInOneDirectory) {
    std::set<uint64_t> actors;
    for (int start = 0; start < 100; ++start) EXPECT_TRUE(actors.insert(open(7).actor).second);
}

TEST_F(NodeIdentityTest, DirectoriesHaveDifferentNodes) {
    SimDisk other;
    ASSERT_TRUE(other.make_directory("d"));
    EXPECT_NE(open(1).node, open_node_identity(other, "d", 2)->node);
}

TEST_F(NodeIdentityTest, ARestoredDirectoryHasItsOldNodeAndANewActor) {
    Rng rng(3);
    std::set<uint64_t> actors{open(rng.next()).actor};
    const std::string copy = *read_file(disk, "d/cluster-node");
    for (int round = 0; round < 5; ++round) {
        for (int start = 0; start < 10; ++start) EXPECT_TRUE(actors.insert(open(rng.next()).actor).second);
        ASSERT_TRUE(replace_file(disk, "d/cluster-node", copy));
    }
}

TEST_F(NodeIdentityTest, AnActorIsOnDiskBeforeAnybodySeesIt) {
    for (uint64_t n = 1;; ++n) {
        SimDisk torn(n);
        ASSERT_TRUE(torn.make_directory("d"));
        const auto before = open_node_identity(torn, "d", n);
        ASSERT_TRUE(before);
        const uint64_t at = torn.operations() + n;
        torn.fail_at(at, ErrorKind::io, false);
        const auto failed = open_node_identity(torn, "d", 100 + n);
        const bool struck = torn.operations() >= at;
        EXPECT_EQ(failed.has_value(), !struck) << "operation " << n;
        torn.power_loss(n);
        torn.clear_faults();
        const auto after = open_node_identity(torn, "d", 200 + n);
        ASSERT_TRUE(after) << after.error().message;
        EXPECT_EQ(after->node, before->node);
        EXPECT_NE(after->actor, before->actor);
        if (failed) {
            EXPECT_EQ(after->starts, 3u);
            EXPECT_NE(after->actor, failed->actor);
        }
        if (!struck) break;
    }
}

TEST_F(NodeIdentityTest, AFirstStartMayDieAnywhere) {
    for (uint64_t n = 1;; ++n) {
        SimDisk torn(n);
        ASSERT_TRUE(torn.make_directory("d"));
        const uint64_t at = torn.operations() + n;
        torn.stop_at(at);
        const auto first = open_node_identity(torn, "d", n);
        const bool struck = torn.stopped();
        EXPECT_EQ(first.has_value(), !struck) << "operation " << n;
        torn.power_loss(n);
        torn.clear_faults();
        const auto second = open_node_identity(torn, "d", 100 + n);
        ASSERT_TRUE(second) << "operation " << n << ": " << second.error().message;
        RingFile ring(torn, "d");
        EXPECT_EQ(ring.load().value(), "");
        if (first) {
            EXPECT_EQ(second->node, first->node);
            break;
        }
    }
}

TEST_F(NodeIdentityTest, DamageIsAnErrorThatNamesFileAndRemedy) {
    open(1);
    disk.flip_bit("d/cluster-node", 14, 3);
    const Error error = open_error(2);
    EXPECT_EQ(error.kind, ErrorKind::corrupt);
    EXPECT_THAT(error.message, HasSubstr("d/cluster-node"));
    EXPECT_THAT(error.message, HasSubstr("--cluster-replace"));
}

TEST_F(NodeIdentityTest, ABodyOfAnotherShapeIsDamage) {
    open(1);
    ASSERT_TRUE(store_cluster_file(disk, "d", kNodeFileName, "too short"));
    EXPECT_EQ(open_error(2).kind, ErrorKind::corrupt);
}

TEST_F(NodeIdentityTest, NoNewNodeIsMadeBesideTheVotesOfAnother) {
    open(1);
    RingFile ring(disk, "d");
    ASSERT_TRUE(ring.save("votes"));
    ASSERT_TRUE(disk.remove("d/cluster-node"));
    const Error error = open_error(2);
    EXPECT_EQ(error.kind, ErrorKind::corrupt);
    EXPECT_THAT(error.message, HasSubstr("d/cluster-node: missing"));
    ASSERT_TRUE(disk.remove("d/cluster-ring"));
    EXPECT_EQ(open(3).starts, 1u) << "both gone: a new directory";
}

}  // namespace
}  // namespace torc

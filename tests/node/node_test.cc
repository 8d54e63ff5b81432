#include "node/node.h"

#include <gtest/gtest.h>

#include "tests/node/cluster_fixture.h"

namespace torc {
namespace {

class Doors : public ClusterFixture {};

TEST_F(Doors, AreOpenAtOnceOnASingleNode) {
    start();
    EXPECT_TRUE(node->serves_clients());
}

TEST_F(Doors, AreOpenAtOnceOnANodeThatSeeksItsCluster) {
    start({"--cluster-enabled", "yes", "--cluster-seeds", "127.0.0.1:1"}, 1);
    EXPECT_TRUE(node->serves_clients());
}

TEST_F(Doors, WaitUntilAMemberOfAClusterHasFoundOthers) {
    start({"--cluster-enabled", "yes", "--cluster-seeds", "127.0.0.1:1"}, 1);
    self = core().self;
    ring = found_ring(kClusterId, 3, member(self));
    ring = *finish_move(*begin_join(ring, member(kB)));
    publish();
    EXPECT_FALSE(node->serves_clients());
    core().set_gathered();
    EXPECT_TRUE(node->serves_clients());
}

}  // namespace
}  // namespace torc

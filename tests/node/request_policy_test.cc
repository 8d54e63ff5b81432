#include "node/request_policy.h"

#include <gmock/gmock.h>

#include "tests/node/cluster_fixture.h"

namespace torc {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST(RequestPolicies, WhereAPolicyIsSilentTheDirectivesSpeak) {
    Config config;
    ASSERT_TRUE(config.load({"--read-consistency", "all", "--sloppy-quorum", "no"}));
    const auto policies = KeyPolicies::parse(std::vector<std::string>{
        "a", "write=one", "max-entry=5", "s", "strict=yes", "write=one", "sloppy=yes"});
    ASSERT_TRUE(policies);
    const RequestPolicy none = request_policy(config.live, *policies, "x");
    EXPECT_EQ(none.read, Consistency::all);
    EXPECT_EQ(none.write, Consistency::quorum);
    EXPECT_FALSE(none.sloppy);
    EXPECT_FALSE(none.strict);
    const RequestPolicy a = request_policy(config.live, *policies, "a1");
    EXPECT_EQ(a.write, Consistency::one);
    EXPECT_EQ(a.max_entry_bytes, 5u);
    // Strict is more than its other options say.
    const RequestPolicy strict = request_policy(config.live, *policies, "s1");
    EXPECT_EQ(strict.write, Consistency::quorum);
    EXPECT_FALSE(strict.sloppy);
    EXPECT_TRUE(strict.strict);
}

TEST(RequestPolicies, SeveralKeysAskForTheMost) {
    RequestPolicy policy{Consistency::one, Consistency::each_quorum, true, false, 100};
    policy.join({Consistency::local_quorum, Consistency::quorum, true, true, 200});
    EXPECT_EQ(policy.read, Consistency::local_quorum);
    EXPECT_EQ(policy.write, Consistency::each_quorum);
    EXPECT_TRUE(policy.sloppy);
    EXPECT_TRUE(policy.strict);
    EXPECT_EQ(policy.max_entry_bytes, 100u);
}

class Policies : public ClusterFixture {
  protected:
    void begin(std::initializer_list<NodeId> others, std::vector<std::string> policies) {
        std::vector<std::string> directives = {"--key-policy"};
        directives.insert(directives.end(), policies.begin(), policies.end());
        start_cluster(others, directives);
        client_ = &connect();
        key_ = key_with_owners({self, kB, kC}, "p");
        plain_ = key_with_owners({self, kB, kC}, "k");
    }
    uint64_t one(NodeId id, BusKind kind) {
        const std::vector<Sent> sent = sent_to(id, kind);
        EXPECT_THAT(sent, SizeIs(1)) << id;
        return sent.empty() ? 0 : sent[0].op();
    }

    Connection* client_ = nullptr;
    std::string key_, plain_;
};

TEST_F(Policies, LevelsGoByThePrefix) {
    begin({kB, kC}, {"p", "read=one", "write=one"});
    EXPECT_EQ((*client_)("SET " + key_ + " v"), "+OK\r\n");
    EXPECT_EQ((*client_)("GET " + key_), "$1\r\nv\r\n");
    EXPECT_THAT(sent_to(kB, BusKind::read), IsEmpty());
    EXPECT_EQ((*client_)("GET " + plain_), "");
}

TEST_F(Policies, ACommandMayAskForAnotherLevel) {
    begin({kB, kC}, {"p", "write=one"});
    EXPECT_EQ((*client_)("TORC.WITH W all SET " + key_ + " v"), "");
    const uint64_t op = one(kB, BusKind::merge);
    ack(kB, op);
    EXPECT_EQ(client_->take(), "");
    ack(kC, op);
    EXPECT_EQ(client_->take(), "+OK\r\n");
}

TEST_F(Policies, KeysOfOneCommandAskForTheMost) {
    begin({kB, kC}, {"p", "write=one"});
    const std::string tagged = "{" + key_ + "}";
    EXPECT_EQ((*client_)("MSET " + tagged + " 1 " + key_ + " 2"), "");
    ack(kB, one(kB, BusKind::merge));
    EXPECT_EQ(client_->take(), "+OK\r\n");
}

TEST_F(Policies, TheyMayBeChangedWhileItRuns) {
    begin({kB, kC}, {"x", "write=one"});
    ASSERT_TRUE(config->set({{"key-policy", "p write=one"}}));
    EXPECT_EQ((*client_)("SET " + key_ + " v"), "+OK\r\n");
    ASSERT_TRUE(config->set({{"key-policy", ""}}));
    EXPECT_EQ((*client_)("SET " + key_ + " v"), "");
    EXPECT_FALSE(config->set({{"key-policy", "p write=some"}}));
    EXPECT_EQ(config->text("key-policy"), "");
}

TEST_F(Policies, EntriesAreBounded) {
    begin({kB, kC}, {"p", "max-entry=20", "write=one"});
    const std::string value(21, 'v'),
        refusal = "-ERR entry is larger than its key's policy allows (max-entry)\r\n";
    EXPECT_EQ((*client_)("SET " + key_ + " " + value), refusal);
    EXPECT_EQ((*client_)("MULTI"), "+OK\r\n");
    EXPECT_EQ((*client_)("SET " + key_ + " " + value), "+QUEUED\r\n");
    EXPECT_THAT((*client_)("EXEC"),
                StartsWith("-EXECABORT Transaction discarded because of: entry is larger"));
    EXPECT_EQ((*client_)("SET " + key_ + " small"), "+OK\r\n");
    EXPECT_EQ((*client_)("TORC.WITH W one SET " + plain_ + " " + value), "+OK\r\n");
}

TEST_F(Policies, SiblingsGoByThePrefix) {
    begin({kB, kC}, {"p", "siblings=ask", "read=one", "k", "siblings=lww", "read=one"});
    for (const std::string& key : {key_, plain_})
        for (const ActorId actor : {91, 92})
            feed(*link_of(kB, false),
                 frame_of(MergeMessage{
                     0, MergeReason::write,
                     change_of(key, cell_of("v" + std::to_string(actor), actor, stamp_now() + actor))}));
    EXPECT_EQ((*client_)("GET " + key_), "-SIBLINGS this key has 2 values; use TORC.GET\r\n");
    EXPECT_EQ((*client_)("GET " + plain_), "$3\r\nv92\r\n");
    EXPECT_EQ((*client_)("TORC.SIBLINGS " + plain_), ":1\r\n");
}

// A settled first owner decides by its copy elsewhere; cut off, it would not know that another one does, too.
TEST_F(Policies, StrictDecidesOnlyAfterAMajorityWasRead) {
    begin({kB, kC}, {"p", "strict=yes"});
    EXPECT_EQ((*client_)("SET " + key_ + " v NX"), "");
    EXPECT_THAT(sent_to(kC, BusKind::merge), IsEmpty());
    const uint64_t read = one(kB, BusKind::read);
    answer(kB, ReadReply{read, BusStatus::done, 0, {}});
    EXPECT_EQ(client_->take(), "");
    ack(kB, one(kB, BusKind::merge));
    EXPECT_EQ(client_->take(), "+OK\r\n");

    const std::string other = key_with_owners({self, kB, kC}, "p:");
    EXPECT_EQ((*client_)("SET " + other + " v NX"), "");
    answer(kB, ReadReply{one(kB, BusKind::read), BusStatus::done, 0,
                         change_of(other, cell_of("theirs", 99, stamp_now()))});
    EXPECT_EQ(client_->take(), "$-1\r\n");
}

TEST_F(Policies, StrictRefusesWhereTheMajorityIsSilent) {
    begin({kB, kC, kD}, {"p", "strict=yes"});
    EXPECT_EQ((*client_)("SET " + key_ + " v"), "");
    pass_deadline();
    EXPECT_EQ(client_->take(), "-NOREPLICAS too few replicas answered in time\r\n");
    EXPECT_EQ(core().cells[shard_of_key(key_)].keys.load(), 0);
    // Nor do stand-ins count.
    alive(kB, Liveness::down), alive(kC, Liveness::down);
    publish();
    EXPECT_THAT((*client_)("SET " + key_ + " v"), StartsWith("-NOREPLICAS not enough replicas are up"));
    EXPECT_THAT((*client_)("TORC.WITH W one SET " + key_ + " v"),
                StartsWith("-NOREPLICAS not enough replicas are up"));
    EXPECT_EQ(core().cells[shard_of_key(key_)].keys.load(), 0);
}

}  // namespace
}  // namespace torc

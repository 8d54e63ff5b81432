#include "node/gather.h"

#include <gmock/gmock.h>

#include <set>

#include "base/rng.h"
#include "node/client_core.h"
#include "node/worker_core.h"
#include "tests/node/node_fixture.h"

namespace torc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SilentPort final : public ClientPort {
  public:
    void wake() override {}
    void send() override {}
    void close(bool) override {}
};

class GatherTest : public NodeFixture {
  protected:
    void SetUp() override {
        start();
        client_ = std::make_unique<ClientCore>(workers[0]->core(), port_, std::make_unique<ClientState>());
    }
    void TearDown() override {
        client_ = nullptr;
        stop();
    }
    std::shared_ptr<Gather> gather(GatherKind kind, bool resp3 = false) {
        return std::make_shared<Gather>(
            kind, resp3, ReplyTicket(client_->replies, client_->replies->push_pending({}, 0, 0)));
    }
    std::string take() {
        std::string all(client_->output.view());
        client_->output.consume(all.size());
        return all;
    }
    /// All parts in order; what the client gets.
    std::string whole(GatherKind kind, const std::vector<std::string>& parts, bool resp3 = false) {
        const auto all = gather(kind, resp3);
        for (size_t i = 0; i < parts.size(); ++i) (void)all->expect();
        for (size_t i = 0; i < parts.size(); ++i) {
            EXPECT_EQ(take(), "");
            all->part(i, parts[i]);
        }
        return take();
    }

    SilentPort port_;
    std::unique_ptr<ClientCore> client_;
};

TEST_F(GatherTest, ElementsGoToTheirPlacesWhateverTheOrderOfTheAnswers) {
    const auto all = gather(GatherKind::elements);
    EXPECT_EQ(all->expect({2, 0}), 0u);
    EXPECT_EQ(all->expect({1}), 1u);
    EXPECT_EQ(all->expect({3}), 2u);
    all->part(2, "*1\r\n:7\r\n");
    all->part(0, "*2\r\n$1\r\nc\r\n$-1\r\n");
    all->part(0, "*2\r\n$1\r\nx\r\n$1\r\nx\r\n");  // once is enough
    EXPECT_EQ(take(), "");
    all->part(1, "*1\r\n$2\r\n\r\n\r\n");
    EXPECT_EQ(take(), "*4\r\n$-1\r\n$2\r\n\r\n\r\n$1\r\nc\r\n:7\r\n");
}

TEST_F(GatherTest, SumsAndOks) {
    EXPECT_EQ(whole(GatherKind::sum, {":1\r\n", ":-3\r\n", ":40\r\n"}), ":38\r\n");
    EXPECT_EQ(whole(GatherKind::ok, {"+OK\r\n", ""}), "+OK\r\n");
}

TEST_F(GatherTest, AnyPartsErrorIsTheWholes) {
    for (const GatherKind kind :
         {GatherKind::elements, GatherKind::sum, GatherKind::ok, GatherKind::together, GatherKind::any})
        EXPECT_EQ(whole(kind, {":1\r\n", "-INDOUBT maybe\r\n"}), "-INDOUBT maybe\r\n");
}

TEST_F(GatherTest, NonsenseIsAnErrorAndNotPassedOn) {
    for (const std::string& part :
         std::vector<std::string>{"", "+OK\r\n", ":\r\n", ":1", "$1\r\na\r\n", ":99999999999999999999\r\n"})
        EXPECT_EQ(whole(GatherKind::sum, {":1\r\n", part}).substr(0, 4), "-ERR") << part;
    EXPECT_EQ(whole(GatherKind::sum, {":9223372036854775807\r\n", ":1\r\n"}).substr(0, 4), "-ERR");
    for (const std::string& part : std::vector<std::string>{"", "+OK\r\n", "*1\r\n", "*2\r\n$1\r\na\r\n",
                                                            "*1\r\n$9\r\na\r\n", "*-1\r\n"})
        EXPECT_EQ(whole(GatherKind::together, {"*0\r\n", part}).substr(0, 4), "-ERR") << part;
    const auto all = gather(GatherKind::elements);
    (void)all->expect({0, 1});
    all->part(0, "*1\r\n$1\r\na\r\n");  // of two
    EXPECT_EQ(take().substr(0, 4), "-ERR");
}

TEST_F(GatherTest, NamesComeOnce) {
    EXPECT_EQ(whole(GatherKind::together,
                    {"*2\r\n$1\r\na\r\n$1\r\nb\r\n", "*0\r\n", "*2\r\n$1\r\nb\r\n$1\r\nc\r\n"}),
              "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n");
}

TEST_F(GatherTest, AnyIsOneThatIsThere) {
    EXPECT_EQ(whole(GatherKind::any, {"$-1\r\n", "_\r\n"}), "$-1\r\n");
    EXPECT_EQ(whole(GatherKind::any, {"$-1\r\n"}, true), "_\r\n");
    EXPECT_EQ(whole(GatherKind::any, {"$-1\r\n", "$1\r\na\r\n"}), "$1\r\na\r\n");
    std::set<std::string> seen;
    for (uint64_t seed = 0; seed < 64; ++seed) {
        const auto all = gather(GatherKind::any);
        all->seed(seed);
        (void)all->expect();
        (void)all->expect();
        all->part(0, "$1\r\na\r\n");
        all->part(1, "$1\r\nb\r\n");
        seen.insert(take());
    }
    EXPECT_EQ(seen.size(), 2u);
}

TEST_F(GatherTest, OutlivesItsConnection) {
    const auto all = gather(GatherKind::sum);
    (void)all->expect();
    client_ = nullptr;
    all->part(0, ":1\r\n");
}

TEST(SplitArray, CutsOnlyWhatIsOne) {
    std::vector<std::string_view> elements;
    EXPECT_TRUE(split_array("*0\r\n", elements));
    EXPECT_THAT(elements, IsEmpty());
    EXPECT_TRUE(split_array("*4\r\n$3\r\na\r\n\r\n$-1\r\n:5\r\n_\r\n", elements));
    EXPECT_THAT(elements, ElementsAre("$3\r\na\r\n\r\n", "$-1\r\n", ":5\r\n", "_\r\n"));
    elements.clear();
    EXPECT_TRUE(split_array("~1\r\n$1\r\nx\r\n", elements));
    for (const std::string_view bad :
         {"", "*", "*1", "*1\r\n", "*x\r\n", "+OK\r\n", "*-1\r\n", "*1\r\n*0\r\n", "*1\r\n$5\r\nab\r\n",
          "*1\r\n_", "*0\r\nx", "*2\r\n:1\r\n", "*99999999999999\r\n:1\r\n",
          "*1\r\n$9223372036854775807\r\nx\r\n", "*1\r\n$9223372036854775806\r\nx\r\n"}) {
        elements.clear();
        EXPECT_FALSE(split_array(bad, elements)) << bad;
    }
}

TEST(SplitArray, RandomBytesNeverBreakIt) {
    const uint64_t seed = 77;
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const std::string_view alphabet = "*$:_~-0129\r\nab";
    for (int round = 0; round < 50'000; ++round) {
        std::string bytes = round % 2 != 0 ? "*2\r\n$" : "";
        for (uint64_t n = rng.below(24); n-- > 0;) bytes += alphabet[rng.below(alphabet.size())];
        std::vector<std::string_view> elements;
        (void)split_array(bytes, elements);
        for (const std::string_view element : elements) {
            EXPECT_GE(element.data(), bytes.data());
            EXPECT_LE(element.data() + element.size(), bytes.data() + bytes.size());
        }
    }
}

}  // namespace
}  // namespace torc

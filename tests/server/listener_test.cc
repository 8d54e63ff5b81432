#include "server/listener.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace torc {
namespace {

class ListenerTest : public testing::Test {
  protected:
    ListenerTest() {
        char name[] = "/tmp/torc-listener-XXXXXX";
        directory_ = ::mkdtemp(name);
        options_.unix_path = directory_ + "/socket";
        options_.port = 0;
    }
    ~ListenerTest() override {
        for (const auto& [fd, state] : accepted_) ::close(fd);
        std::filesystem::remove_all(directory_);
    }
    /// A port that nothing listens on just now, and what holds it while alive.
    static int free_port() {
        const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), length), 0);
        EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
        ::close(fd);
        return ntohs(address.sin_port);
    }
    static int connect_tcp(int port) {
        const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        return fd;
    }
    int connect_unix() {
        const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, options_.unix_path.c_str());
        EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        return fd;
    }
    Listener make() {
        return Listener(
            context_,
            [this](int fd, std::unique_ptr<ClientState> state) {
                accepted_.emplace_back(fd, std::move(state));
            },
            [] { return 300; });
    }
    void run_until_accepted(size_t count) {
        while (accepted_.size() < count && context_.run_one_for(std::chrono::seconds(10)) != 0) {
        }
        ASSERT_EQ(accepted_.size(), count);
    }

    std::string directory_;
    Listener::Options options_;
    std::vector<std::pair<int, std::unique_ptr<ClientState>>> accepted_;
    asio::io_context context_{1};
};

TEST_F(ListenerTest, AUnixConnectionIsLocalAndNamedByItsPath) {
    options_.unix_permissions = 0700;
    Listener listener = make();
    ASSERT_TRUE(listener.open(options_));
    struct stat facts{};
    ASSERT_EQ(::stat(options_.unix_path.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, 0700u);
    listener.start();
    const int peer = connect_unix();
    run_until_accepted(1);
    EXPECT_EQ(accepted_[0].second->address, options_.unix_path + ":0");
    EXPECT_TRUE(accepted_[0].second->local);
    EXPECT_EQ(accepted_[0].second->fd, accepted_[0].first);
    ::close(peer);
    listener.close();
    EXPECT_FALSE(std::filesystem::exists(options_.unix_path));
}

TEST_F(ListenerTest, ATcpConnectionCarriesBothAddressesAndOptions) {
    options_.unix_path.clear();
    options_.bind = {"127.0.0.1", "-::1"};
    options_.port = free_port();
    Listener listener = make();
    ASSERT_TRUE(listener.open(options_));
    listener.start();
    const int peer = connect_tcp(options_.port);
    run_until_accepted(1);
    EXPECT_EQ(accepted_[0].second->local_address, "127.0.0.1:" + std::to_string(options_.port));
    EXPECT_TRUE(accepted_[0].second->address.starts_with("127.0.0.1:"));
    EXPECT_TRUE(accepted_[0].second->local);
    int keepalive = 0;
    socklen_t length = sizeof keepalive;
    ::getsockopt(accepted_[0].first, SOL_SOCKET, SO_KEEPALIVE, &keepalive, &length);
    EXPECT_EQ(keepalive, 1);
    ::close(peer);
}

TEST_F(ListenerTest, ATakenPortIsAnErrorThatNamesItAndTheRemedy) {
    options_.unix_path.clear();
    options_.bind = {"127.0.0.1"};
    options_.port = free_port();
    Listener first = make();
    ASSERT_TRUE(first.open(options_));
    Listener second = make();
    const auto result = second.open(options_);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::busy);
    EXPECT_NE(result.error().message.find("127.0.0.1:" + std::to_string(options_.port)), std::string::npos);
    EXPECT_NE(result.error().message.find("another `port`"), std::string::npos);
}

TEST_F(ListenerTest, AnAddressOfAnotherMachineIsAnErrorUnlessOptional) {
    options_.unix_path.clear();
    options_.port = free_port();
    options_.bind = {"192.0.2.1"};
    Listener strict = make();
    EXPECT_FALSE(strict.open(options_));
    options_.bind = {"-192.0.2.1", "127.0.0.1"};
    Listener lenient = make();
    EXPECT_TRUE(lenient.open(options_));
}

TEST_F(ListenerTest, NothingToListenOnIsAnError) {
    options_.unix_path.clear();
    Listener listener = make();
    const auto result = listener.open(options_);
    ASSERT_FALSE(result);
    EXPECT_NE(result.error().message.find("unixsocket"), std::string::npos);
}

TEST_F(ListenerTest, ASocketLeftBehindIsReplacedButNoOtherFile) {
    {
        const int left = ::socket(AF_UNIX, SOCK_STREAM, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, options_.unix_path.c_str());
        ASSERT_EQ(::bind(left, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        ::close(left);
    }
    {
        Listener listener = make();
        EXPECT_TRUE(listener.open(options_));
    }
    std::ofstream(options_.unix_path) << "precious";
    Listener listener = make();
    EXPECT_FALSE(listener.open(options_));
    EXPECT_EQ(std::filesystem::file_size(options_.unix_path), 8u);
}

TEST_F(ListenerTest, AnOverlongUnixPathIsRefused) {
    options_.unix_path = "/tmp/" + std::string(200, 'x');
    Listener listener = make();
    EXPECT_FALSE(listener.open(options_));
}

TEST_F(ListenerTest, WithoutDescriptorsItRestsAndAcceptsLater) {
    Listener listener = make();
    ASSERT_TRUE(listener.open(options_));
    listener.start();
    const int peer = connect_unix();
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    rlimit none{static_cast<rlim_t>(peer) + 1, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    std::vector<int> fillers;
    for (int fd; (fd = ::dup(peer)) >= 0;) fillers.push_back(fd);
    // Readiness, then rests: a spinning loop would run thousands of handlers in this time.
    const size_t handlers = context_.run_for(std::chrono::milliseconds(350));
    EXPECT_LE(handlers, 10u);
    EXPECT_TRUE(accepted_.empty());
    for (const int fd : fillers) ::close(fd);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    run_until_accepted(1);
    ::close(peer);
}

}  // namespace
}  // namespace torc

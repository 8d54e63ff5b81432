// Clients that misbehave harm nobody but themselves.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "torc_process.h"

namespace torc::testing {
namespace {

class RawSocket {
  public:
    explicit RawSocket(int port, int receive_buffer = 0)
        : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        // Before connect(), or the window is already negotiated.
        if (receive_buffer > 0)
            ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) close();
    }
    ~RawSocket() { close(); }
    RawSocket(RawSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    RawSocket& operator=(RawSocket&&) = delete;

    bool open() const { return fd_ >= 0; }
    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            bytes.remove_prefix(static_cast<size_t>(sent));
        }
        return true;
    }
    /// Everything until the server closes, or until `enough` bytes or ten seconds.
    std::string receive(size_t enough = SIZE_MAX) {
        std::string out;
        char chunk[4096];
        while (out.size() < enough && readable(10'000)) {
            const ssize_t size = ::recv(fd_, chunk, sizeof chunk, 0);
            if (size <= 0) {
                closed_by_server_ = true;
                break;
            }
            out.append(chunk, static_cast<size_t>(size));
        }
        return out;
    }
    bool closed_by_server() const { return closed_by_server_; }

    /// Offers bytes without ever reading; true once the server has closed, false after the time.
    bool write_until_closed(std::string_view bytes, std::chrono::seconds limit) {
        ::fcntl(fd_, F_SETFL, O_NONBLOCK);
        const auto deadline = std::chrono::steady_clock::now() + limit;
        while (std::chrono::steady_clock::now() < deadline) {
            const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno != EAGAIN) return true;
            pollfd entry{fd_, POLLRDHUP, 0};
            if (::poll(&entry, 1, sent < 0 ? 20 : 0) > 0) return true;
        }
        return false;
    }

  private:
    bool readable(int timeout_ms) const {
        pollfd entry{fd_, POLLIN, 0};
        return ::poll(&entry, 1, timeout_ms) > 0;
    }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }

    int fd_;
    bool closed_by_server_ = false;
};

size_t resident_bytes(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
    size_t total = 0, resident = 0;
    file >> total >> resident;
    return resident * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

void expect_healthy(TorcProcess& server) {
    ASSERT_TRUE(server.alive());
    const ContextPtr client = connect_to(server.port());
    ASSERT_NE(client, nullptr);
    EXPECT_EQ(ask_text(client.get(), {"SET", "health", "good"}), "OK");
    EXPECT_EQ(ask_text(client.get(), {"GET", "health"}), "good");
}

TEST(Robustness, GarbageIsAnsweredOrClosedAndNothingElse) {
    TorcProcess server;
    std::mt19937 random(7);
    for (int round = 0; round < 200; ++round) {
        RawSocket socket(server.port());
        ASSERT_TRUE(socket.open());
        std::string bytes;
        const size_t size = 1 + random() % 2000;
        static constexpr std::string_view kLikely = "*$\r\n0123456789-SETGET \"'";
        for (size_t i = 0; i < size; ++i)
            bytes += random() % 2 == 0 ? static_cast<char>(random()) : kLikely[random() % kLikely.size()];
        socket.send(bytes);
    }
    expect_healthy(server);
}

TEST(Robustness, HalfCommandsHoldNoOneUp) {
    TorcProcess server;
    std::vector<RawSocket> sockets;
    for (const std::string_view half :
         {"*", "*3\r\n", "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10\r\nabc", "GET k", "\"GET"}) {
        sockets.emplace_back(server.port());
        ASSERT_TRUE(sockets.back().send(half));
    }
    expect_healthy(server);
    sockets.clear();
    expect_healthy(server);
}

TEST(Robustness, HeadersOfHugeBulksCostNoMemoryBeforeTheBytesCome) {
    TorcProcess server;
    const size_t before = resident_bytes(server.pid());
    std::vector<RawSocket> sockets;
    for (int i = 0; i < 20; ++i) {
        sockets.emplace_back(server.port());
        ASSERT_TRUE(sockets.back().send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nabc"));
    }
    expect_healthy(server);
    EXPECT_LT(resident_bytes(server.pid()), before + (200u << 20));
    RawSocket larger(server.port());
    ASSERT_TRUE(larger.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870913\r\n"));
    EXPECT_EQ(larger.receive(), "-ERR Protocol error: invalid bulk length\r\n");
    EXPECT_TRUE(larger.closed_by_server());
}

TEST(Robustness, AHugeArrayHeaderCostsNoMemory) {
    TorcProcess server;
    const size_t before = resident_bytes(server.pid());
    RawSocket socket(server.port());
    ASSERT_TRUE(socket.send("*2147483647\r\n$3\r\nDEL\r\n"));
    expect_healthy(server);
    EXPECT_LT(resident_bytes(server.pid()), before + (100u << 20));
}

TEST(Robustness, AClientThatNeverReadsIsCutOffAtTheOutputLimit) {
    TorcProcess server({"--client-output-buffer-limit", "normal 16mb 0 0"});
    const ContextPtr client = connect_to(server.port());
    ASSERT_NE(client, nullptr);
    ASSERT_EQ(ask_text(client.get(), {"SET", "big", std::string(1 << 20, 'x')}), "OK");
    RawSocket greedy(server.port(), 4096);
    ASSERT_TRUE(greedy.open());
    EXPECT_TRUE(greedy.write_until_closed("*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n", std::chrono::seconds(60)));
    EXPECT_LT(resident_bytes(server.pid()), 300u << 20);
    expect_healthy(server);
}

TEST(Robustness, MaxclientsRefusesTheNextOneAndRecovers) {
    TorcProcess server({"--maxclients", "20"});
    {
        std::vector<RawSocket> sockets;
        bool refused = false;
        for (int i = 0; i < 30 && !refused; ++i) {
            sockets.emplace_back(server.port());
            ASSERT_TRUE(sockets.back().open());
            sockets.back().send("PING\r\n");
            const std::string reply = sockets.back().receive(7);
            if (reply == "+PONG\r\n") continue;
            EXPECT_EQ(reply + sockets.back().receive(), "-ERR max number of clients reached\r\n");
            refused = true;
        }
        EXPECT_TRUE(refused);
        EXPECT_GE(sockets.size(), 20u);
    }
    for (int i = 0; i < 500; ++i) {
        const ContextPtr client = connect_to(server.port());
        if (client != nullptr && ask_text(client.get(), {"PING"}) == "PONG") return;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    ADD_FAILURE() << "no client is let in after the others left";
}

TEST(Robustness, ThousandsOfConnections) {
    constexpr int kWanted = 3000;
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    ASSERT_GT(limit.rlim_cur, static_cast<rlim_t>(kWanted + 100)) << "ulimit -n is too low for this test";
    TorcProcess server;
    std::vector<RawSocket> sockets;
    for (int i = 0; i < kWanted; ++i) {
        sockets.emplace_back(server.port());
        ASSERT_TRUE(sockets.back().open()) << i;
    }
    for (RawSocket& socket : sockets) ASSERT_TRUE(socket.send("*1\r\n$4\r\nPING\r\n"));
    for (RawSocket& socket : sockets) ASSERT_EQ(socket.receive(7), "+PONG\r\n");
    expect_healthy(server);
}

TEST(Robustness, IdleClientsAreClosedAfterTheTimeout) {
    TorcProcess server({"--timeout", "1"});
    RawSocket idle(server.port());
    ASSERT_TRUE(idle.send("PING\r\n"));
    EXPECT_EQ(idle.receive(), "+PONG\r\n");
    EXPECT_TRUE(idle.closed_by_server());
    expect_healthy(server);
}

TEST(Robustness, AQueryBufferHasALimit) {
    TorcProcess server({"--client-query-buffer-limit", "1mb"});
    RawSocket socket(server.port());
    ASSERT_TRUE(socket.open());
    std::string command = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$8000000\r\n";
    command.append(8'000'000, 'x');
    EXPECT_TRUE(socket.write_until_closed(command, std::chrono::seconds(30)));
    expect_healthy(server);
}

TEST(Robustness, AClientThatGoesInTheMiddleOfItsReplyIsForgotten) {
    TorcProcess server;
    ASSERT_EQ(ask_text(connect_to(server.port()).get(), {"SET", "big", std::string(4 << 20, 'x')}), "OK");
    for (int i = 0; i < 50; ++i) {
        RawSocket socket(server.port());
        ASSERT_TRUE(socket.send("*2\r\n$3\r\nGET\r\n$3\r\nbig\r\n"));
        socket.receive(1);
    }
    expect_healthy(server);
}

}  // namespace
}  // namespace torc::testing

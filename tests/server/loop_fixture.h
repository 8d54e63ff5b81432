// A loop on a thread of its own, with the fake node behind it, and peers to talk to its sessions.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "server/disk_pool.h"
#include "server/event_loop.h"
#include "server/session.h"
#include "tests/server/fake_node.h"

namespace torc {

/// Waits for something that another thread brings about. False after 10 seconds.
inline bool eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 10'000; ++i) {
        if (condition()) return true;
        ::poll(nullptr, 0, 1);
    }
    return false;
}

/// The other end of a session.
class Peer {
  public:
    explicit Peer(int fd) : fd_(fd) {}
    ~Peer() { close(); }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    void end_sending() { ::shutdown(fd_, SHUT_WR); }
    void send(const std::string& bytes) {
        size_t sent = 0;
        while (sent < bytes.size()) {
            const ssize_t n = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
            if (n <= 0) return;
            sent += static_cast<size_t>(n);
        }
    }
    /// Exactly `bytes` of them, or fewer when the session closes first.
    std::string receive(size_t bytes) {
        std::string result(bytes, '\0');
        size_t got = 0;
        while (got < bytes) {
            const ssize_t n = ::recv(fd_, result.data() + got, bytes - got, 0);
            if (n <= 0) break;
            got += static_cast<size_t>(n);
        }
        result.resize(got);
        return result;
    }
    bool closed_by_other_side() {
        char byte;
        return ::recv(fd_, &byte, 1, 0) <= 0;
    }
    bool has_bytes() {
        pollfd p{fd_, POLLIN, 0};
        return ::poll(&p, 1, 0) == 1;
    }

  private:
    int fd_;
};

class LoopFixture : public testing::Test {
  protected:
    void SetUp() override {
        fake_.config.live.hz = 100;
        loop_ = std::make_unique<EventLoop>(node_, pool_, 0, 1);
        thread_ = std::thread([this] { loop_->run(); });
    }
    void TearDown() override {
        stop();
        EXPECT_FALSE(fake_.work_outside_turn);
        EXPECT_EQ(fake_.begun_turns, fake_.ended_turns);
    }
    void stop() {
        if (!thread_.joinable()) return;
        loop_->stop();
        thread_.join();
        pool_.stop();
        loop_->close_sessions();
    }
    std::unique_ptr<Peer> connect() {
        int fds[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        loop_->adopt(fds[0], std::make_unique<ClientState>());
        return std::make_unique<Peer>(fds[1]);
    }
    bool no_clients_left() {
        return eventually([this] { return fake_.live_clients == 0 && loop_->sessions() == 0; });
    }

    FakeNode fake_;
    Node node_{fake_.config, {posix_disk(), system_clock(), 1, [] {}}};
    DiskPool pool_{1};
    std::unique_ptr<EventLoop> loop_;
    std::thread thread_;
};

}  // namespace torc

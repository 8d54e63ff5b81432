// Both ends of bus links for tests: a user that records, a loop that the test turns by hand, a control loop
// on a thread of its own, and a peer that speaks the protocol byte by byte.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "cluster/bus_frame.h"
#include "cluster/bus_handshake.h"
#include "node/bus.h"
#include "server/bus_greeting.h"
#include "server/bus_loop.h"
#include "server/control_loop.h"
#include "server/disk_pool.h"
#include "sim/sim_clock.h"
#include "tests/server/loop_fixture.h"

namespace torc {

inline sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/// A listening socket on a free port of loopback.
class RawListener {
  public:
    RawListener() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address = loopback(0);
        socklen_t length = sizeof address;
        EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
        EXPECT_EQ(::listen(fd_.get(), 16), 0);
        EXPECT_EQ(::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
        port_ = ntohs(address.sin_port);
    }
    int port() const { return port_; }
    int accept() { return ::accept(fd_.get(), nullptr, nullptr); }

  private:
    OwnedFd fd_;
    int port_ = 0;
};

/// A port that nothing listens on just now.
inline int free_port() {
    return RawListener().port();
}

/// One end of a TCP connection whose other end is under test. Blocks, for 10 seconds at most.
class RawPeer {
  public:
    explicit RawPeer(OwnedFd fd) : fd_(std::move(fd)) {
        const timeval limit{10, 0};
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    static RawPeer call(int port) {
        OwnedFd fd(::socket(AF_INET, SOCK_STREAM, 0));
        const sockaddr_in address = loopback(port);
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        return RawPeer(std::move(fd));
    }

    void close() { fd_ = OwnedFd(); }
    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n <= 0) return false;
            bytes.remove_prefix(static_cast<size_t>(n));
        }
        return true;
    }
    bool send_frame(std::string_view payload) {
        Buffer frame;
        append_bus_frame(frame, payload);
        return send(frame.view());
    }
    /// Adds what is there to `input`. False when the other end closed.
    bool receive_some() {
        char bytes[65536];
        const ssize_t n = ::recv(fd_.get(), bytes, sizeof bytes, 0);
        if (n > 0) input.append({bytes, static_cast<size_t>(n)});
        return n > 0;
    }
    /// The next frame; "" when the other end closed.
    std::string next_frame() {
        for (;;) {
            const BusFrame frame = first_bus_frame(input.view());
            EXPECT_NE(frame.status, BusFrame::Status::broken);
            if (frame.status == BusFrame::Status::whole) {
                std::string payload(frame.payload);
                input.consume(frame.size);
                return payload;
            }
            if (!receive_some()) return "";
        }
    }
    /// Everything up to the other end's close.
    std::string rest() {
        while (receive_some()) {
        }
        return std::string(input.view());
    }
    BusHandshake::State shake_hands(BusRole role, NodeId id, BusLane lane = kControlLane,
                                    const std::string& secret = "", uint64_t cluster = 7) {
        BusHello hello;
        hello.node = id;
        hello.cluster_id = cluster;
        hello.lane = lane;
        hello.nonce.fill(static_cast<uint8_t>(id));
        BusHandshake handshake(role, hello, secret);
        for (;;) {
            Buffer output;
            const BusHandshake::State state = handshake.step(input, output);
            send(output.view());
            if (state != BusHandshake::State::talking) return state;
            if (!receive_some()) return BusHandshake::State::failed;
        }
    }

    Buffer input;

  private:
    OwnedFd fd_;
};

/// Remembers what it is told. Any thread may look.
class RecordingUser final : public BusUser {
  public:
    void on_link_up(BusLink& link) override {
        std::lock_guard lock(mutex_);
        links_.push_back(&link);
        story_.push_back("up " + std::to_string(link.peer()));
        up_thread_ = std::this_thread::get_id();
    }
    void on_link_down(BusLink& link) override {
        std::lock_guard lock(mutex_);
        EXPECT_EQ(std::erase(links_, &link), 1u);
        story_.push_back("down " + std::to_string(link.peer()));
    }
    void on_frame(BusLink& link, std::string_view payload) override {
        {
            std::lock_guard lock(mutex_);
            EXPECT_EQ(std::ranges::count(links_, &link), 1);
            story_.push_back(std::string(payload.substr(0, 40)));
            bytes_ += payload.size();
        }
        if (then) then(link, payload);
    }

    std::vector<std::string> story() const {
        std::lock_guard lock(mutex_);
        return story_;
    }
    size_t links() const {
        std::lock_guard lock(mutex_);
        return links_.size();
    }
    size_t bytes() const {
        std::lock_guard lock(mutex_);
        return bytes_;
    }
    std::thread::id up_thread() const {
        std::lock_guard lock(mutex_);
        return up_thread_;
    }
    /// On the links' thread only.
    BusLink* newest() { return links_.empty() ? nullptr : links_.back(); }

    /// What it does with each frame besides.
    std::function<void(BusLink&, std::string_view)> then;

  private:
    mutable std::mutex mutex_;
    std::vector<BusLink*> links_;
    std::vector<std::string> story_;
    size_t bytes_ = 0;
    std::thread::id up_thread_;
};

/// The cluster half of a node that only records.
class FakeControl final : public BusControl {
  public:
    explicit FakeControl(NodeId node_id, std::string cluster_secret = "")
        : id(node_id), secret(std::move(cluster_secret)) {}
    BusIdentity identity() override { return {id, 7, secret}; }
    BusUser& user() override { return recorder; }
    void start(BusDialer& its_dialer, WorkerHost&) override { dialer = &its_dialer; }
    void on_tick() override { ++ticks; }

    const NodeId id;
    const std::string secret;
    RecordingUser recorder;
    BusDialer* dialer = nullptr;
    std::atomic<int> ticks{0};
};

/// A control loop on a thread of its own.
class RunningControl {
  public:
    explicit RunningControl(
        NodeId id, const std::string& secret = "", int at_port = 0,
        ControlLoop::HandOver hand_over = [](unsigned, BusConnection) {}, const Clock* clock = nullptr)
        : control(id, secret),
          port(at_port != 0 ? at_port : free_port()),
          loop(control, pool_, std::move(hand_over), clock != nullptr ? *clock : time) {
        Listener::Options options;
        options.bind = {"127.0.0.1"};
        options.port = port;
        const auto opened = loop.open(options);
        EXPECT_TRUE(opened) << opened.error().message;
        thread_ = std::thread([this] { loop.run(); });
    }
    ~RunningControl() { stop(); }
    void stop() {
        if (!thread_.joinable()) return;
        loop.stop();
        thread_.join();
        loop.close();
    }
    /// On its thread, and waits for the end.
    void run(const std::function<void()>& task) {
        std::promise<void> done;
        loop.post([&] {
            task();
            done.set_value();
        });
        done.get_future().get();
    }
    void keep_link(const RunningControl& other) {
        run([&] { control.dialer->keep_link(other.control.id, other.endpoint()); });
    }
    Endpoint endpoint() const { return {"127.0.0.1", static_cast<uint16_t>(port)}; }
    RecordingUser& user() { return control.recorder; }
    uint64_t refused() { return control.counters().handshakes_refused.load(); }
    bool links_become(size_t count) {
        return eventually([&] { return user().links() == count; });
    }

    /// Its clock, unless it was given another: stands still, so that a slow machine is no pause.
    SimClock time;
    FakeControl control;
    const int port;

  private:
    DiskPool pool_{1};

  public:
    ControlLoop loop;

  private:
    std::thread thread_;
};

/// A loop that runs when the test says so, with a clock that the test moves.
class HandLoop final : public BusLoop {
  public:
    asio::io_context& context() override { return context_; }
    const Clock& clock() const override { return time; }
    void enter_turn() override {
        if (in_turn_) return;
        in_turn_ = true;
        if (on_begin) on_begin();
    }
    /// One turn with whatever is ready.
    void turn(const std::function<void()>& task = {}) {
        context_.run_one_for(std::chrono::milliseconds(1));
        enter_turn();
        while (context_.poll_one() != 0) {
        }
        if (task) task();
        if (on_end) on_end();
        in_turn_ = false;
    }
    bool turn_until(const std::function<bool()>& condition) {
        for (int i = 0; i < 10'000 && !condition(); ++i) turn();
        return condition();
    }

    SimClock time;
    std::function<void()> on_begin, on_end;

  private:
    asio::io_context context_{1};
    asio::executor_work_guard<IoExecutor> work_{context_.get_executor()};
    bool in_turn_ = false;
};

}  // namespace torc

// One connection on its way to becoming a bus link: name resolution and connecting when we dial, then the
// handshake of cluster/bus_handshake.h, all under deadlines and with few bytes, for the other end may be
// anybody.
//
// Thread rule: the loop's.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/buffer.h"
#include "cluster/bus_handshake.h"
#include "node/bus.h"
#include "server/asio.h"
#include "server/bus_loop.h"
#include "server/owned_fd.h"

namespace torc {

/// A connection after its handshake. May go to another loop's thread.
struct BusConnection {
    OwnedFd fd;  // non-blocking
    NodeId peer = 0;
    BusLane lane = kControlLane;
    bool dialled = false;
    uint16_t version = 0;
    Buffer input;         // what was read behind the handshake
    int64_t read_ns = 0;  // monotonic: when
    std::string address;  // of the other end, for the log
};

class BusGreeting : public std::enable_shared_from_this<BusGreeting> {
  public:
    static constexpr std::chrono::milliseconds kConnectTime{1000};
    static constexpr std::chrono::milliseconds kHandshakeTime{2000};
    /// More before the end of the handshake is no handshake.
    static constexpr size_t kMaxBytes = 4096;

    struct Outcome {
        std::optional<BusConnection> connection;
        std::string failure;  // when there is none: why
        BusRefusal refusal = BusRefusal::none;
    };
    /// Called once, from a handler, inside a turn; not after cancel().
    using Done = std::function<void(Outcome)>;

    /// Somebody called: `fd` is connected and non-blocking.
    static std::shared_ptr<BusGreeting> answer(BusLoop& loop, OwnedFd fd, std::string address,
                                               BusIdentitySource identity, Done done);
    /// `expected`: who should answer; 0: anybody.
    static std::shared_ptr<BusGreeting> call(BusLoop& loop, const Endpoint& bus, NodeId expected,
                                             BusLane lane, BusIdentitySource identity, Done done);
    void cancel();

    BusGreeting(BusLoop& loop, BusRole role, std::string address, BusIdentitySource identity, BusLane lane,
                NodeId expected, Done done);

  private:
    using Tcp = asio::ip::tcp;

    void resolve(const Endpoint& bus);
    void connect(const Tcp::endpoint& endpoint);
    void shake_hands();
    void step();
    void read();
    void on_read(const IoError& error, size_t bytes);
    bool send_output();
    void expire_after(std::chrono::milliseconds time, std::string_view what);
    void succeed();
    void fail(std::string failure, BusRefusal refusal = BusRefusal::none);
    void finish(Outcome outcome);

    BusLoop& loop_;
    const BusRole role_;
    const std::string address_;
    const BusIdentitySource identity_;
    const BusLane lane_;
    const NodeId expected_;
    Done done_;  // null: ended
    StreamSocket socket_;
    asio::ip::basic_resolver<Tcp, IoExecutor> resolver_;
    LoopTimer deadline_;
    std::optional<BusHandshake> handshake_;
    Buffer input_, output_;
    size_t bytes_read_ = 0;
    int64_t read_ns_ = 0;
};

}  // namespace torc

#include "server/bus_greeting.h"

#include <fmt/format.h>

#include <span>
#include <utility>

#include "base/secure_random.h"
#include "server/socket_facts.h"

namespace torc {
namespace {

/// Bus links find a dead peer by gossip; the kernel's probes only free what a vanished one left behind.
constexpr int kKeepaliveSeconds = 30;
constexpr int kPatienceSeconds = 5;

BusNonce fresh_nonce() {
    BusNonce nonce;
    fill_secure_random(std::as_writable_bytes(std::span(nonce)));
    return nonce;
}

std::string address_of(const Endpoint& bus) {
    return bus.host.find(':') == std::string::npos ? fmt::format("{}:{}", bus.host, bus.port)
                                                   : fmt::format("[{}]:{}", bus.host, bus.port);
}

}  // namespace

BusGreeting::BusGreeting(BusLoop& loop, BusRole role, std::string address, BusIdentitySource identity,
                         BusLane lane, NodeId expected, Done done)
    : loop_(loop),
      role_(role),
      address_(std::move(address)),
      identity_(std::move(identity)),
      lane_(lane),
      expected_(expected),
      done_(std::move(done)),
      socket_(loop.context().get_executor()),
      resolver_(loop.context().get_executor()),
      deadline_(loop.context().get_executor()) {}

std::shared_ptr<BusGreeting> BusGreeting::answer(BusLoop& loop, OwnedFd fd, std::string address,
                                                 BusIdentitySource identity, Done done) {
    auto greeting = std::make_shared<BusGreeting>(loop, BusRole::acceptor, std::move(address),
                                                  std::move(identity), kControlLane, 0, std::move(done));
    IoError error;  // then the first read fails
    greeting->socket_.assign(stream_protocol_of(fd.get()), fd.get(), error);
    if (!error) fd.release();
    // From the loop, and not from in here: done() may be called.
    asio::post(loop.context(), [greeting] {
        greeting->loop_.enter_turn();
        if (greeting->done_) greeting->shake_hands();
    });
    return greeting;
}

std::shared_ptr<BusGreeting> BusGreeting::call(BusLoop& loop, const Endpoint& bus, NodeId expected,
                                               BusLane lane, BusIdentitySource identity, Done done) {
    auto greeting = std::make_shared<BusGreeting>(loop, BusRole::dialler, address_of(bus),
                                                  std::move(identity), lane, expected, std::move(done));
    asio::post(loop.context(), [greeting, bus] {
        greeting->loop_.enter_turn();
        if (greeting->done_) greeting->resolve(bus);
    });
    return greeting;
}

void BusGreeting::cancel() {
    done_ = nullptr;
    IoError ignored;
    socket_.close(ignored);
    resolver_.cancel();
    deadline_.cancel();
}

void BusGreeting::resolve(const Endpoint& bus) {
    expire_after(kConnectTime, "connecting");
    IoError error;
    if (const auto address = asio::ip::make_address(bus.host, error); !error)
        return connect(Tcp::endpoint(address, bus.port));
    resolver_.async_resolve(
        bus.host, std::to_string(bus.port),
        [self = shared_from_this()](const IoError& failed, const Tcp::resolver::results_type& found) {
            self->loop_.enter_turn();
            if (!self->done_) return;
            if (failed || found.empty())
                return self->fail(fmt::format("its name could not be resolved: {}", failed.message()));
            self->connect(found.begin()->endpoint());
        });
}

void BusGreeting::connect(const Tcp::endpoint& endpoint) {
    socket_.async_connect(asio::generic::stream_protocol::endpoint(endpoint),
                          [self = shared_from_this()](const IoError& error) {
                              self->loop_.enter_turn();
                              if (!self->done_) return;
                              if (error) return self->fail(fmt::format("connecting: {}", error.message()));
                              self->shake_hands();
                          });
}

void BusGreeting::shake_hands() {
    IoError ignored;
    socket_.non_blocking(true, ignored);
    set_connection_options(socket_.native_handle(), kKeepaliveSeconds);
    set_patience(socket_.native_handle(), kPatienceSeconds);
    expire_after(kHandshakeTime, "the handshake");
    const BusIdentity identity = identity_();
    BusHello self;
    self.node = identity.id;
    self.cluster_id = identity.cluster_id;
    self.lane = lane_;
    self.nonce = fresh_nonce();
    handshake_.emplace(role_, self, identity.secret, expected_);
    step();
}

void BusGreeting::step() {
    const BusHandshake::State state = handshake_->step(input_, output_);
    const bool sent = send_output();
    if (state == BusHandshake::State::failed) return fail(handshake_->failure(), handshake_->reason());
    if (!sent) return fail("the handshake: it doesn't read, or is gone");
    if (state == BusHandshake::State::done) return succeed();
    if (bytes_read_ >= kMaxBytes) return fail("the handshake: too many bytes", BusRefusal::malformed);
    read();
}

void BusGreeting::read() {
    const size_t bytes = kMaxBytes - bytes_read_;
    socket_.async_read_some(
        asio::buffer(input_.prepare(bytes), bytes),
        [self = shared_from_this()](const IoError& error, size_t read) { self->on_read(error, read); });
}

void BusGreeting::on_read(const IoError& error, size_t bytes) {
    loop_.enter_turn();
    if (!done_) return;
    if (error)
        return fail(error == asio::error::eof ? "the handshake: it closed the connection"
                                              : fmt::format("the handshake: {}", error.message()));
    input_.commit(bytes);
    bytes_read_ += bytes;
    read_ns_ = loop_.clock().monotonic_ns();
    step();
}

// A few hundred bytes into a fresh connection: they fit the kernel's buffer, or something is wrong with it.
bool BusGreeting::send_output() {
    if (output_.empty()) return true;
    IoError error;
    const size_t taken = socket_.send(asio::buffer(output_.data(), output_.size()), 0, error);
    const bool all = !error && taken == output_.size();
    output_.clear();
    return all;
}

void BusGreeting::expire_after(std::chrono::milliseconds time, std::string_view what) {
    deadline_.expires_after(time);
    deadline_.async_wait([self = shared_from_this(), what](const IoError& error) {
        if (error || !self->done_) return;
        self->loop_.enter_turn();
        if (self->done_) self->fail(fmt::format("{}: no answer in time", what));
    });
}

void BusGreeting::succeed() {
    Outcome outcome;
    BusConnection& connection = outcome.connection.emplace();
    IoError error;
    connection.fd = OwnedFd(socket_.release(error));
    if (error) return fail(error.message());
    connection.peer = handshake_->peer().node;
    connection.lane = handshake_->peer().lane;
    connection.dialled = role_ == BusRole::dialler;
    connection.version = handshake_->version();
    connection.input = std::move(input_);
    connection.read_ns = read_ns_;
    connection.address = address_;
    finish(std::move(outcome));
}

void BusGreeting::fail(std::string failure, BusRefusal refusal) {
    Outcome outcome;
    outcome.failure = std::move(failure);
    outcome.refusal = refusal;
    finish(std::move(outcome));
}

void BusGreeting::finish(Outcome outcome) {
    const Done done = std::exchange(done_, nullptr);
    cancel();
    done(std::move(outcome));
}

}  // namespace torc

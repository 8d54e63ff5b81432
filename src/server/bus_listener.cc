#include "server/bus_listener.h"

#include <algorithm>

#include "base/log.h"

namespace torc {
namespace {

/// Refused callers are said at most this often: anybody can call.
constexpr int64_t kSayEveryNs = 10'000'000'000;

}  // namespace

struct BusListener::Caller {
    std::string address;
    std::shared_ptr<BusGreeting> greeting;
};

// Keepalive and the like are set once the handshake begins.
BusListener::BusListener(BusLoop& loop, BusControl& control, Accepted accepted)
    : loop_(loop),
      control_(control),
      accepted_(std::move(accepted)),
      doors_(
          loop.context(),
          [this](int fd, std::unique_ptr<ClientState> state) { greet(fd, std::move(state->address)); },
          [] { return 0; }) {}

BusListener::~BusListener() {
    reset();
}

Result<void> BusListener::open(const Listener::Options& options) {
    return doors_.open(options);
}

void BusListener::start() {
    doors_.start();
}

void BusListener::close() {
    doors_.close();
    reset();
}

void BusListener::reset() {
    for (const auto& caller : callers_) caller->greeting->cancel();
    callers_.clear();
}

void BusListener::greet(int fd, std::string address) {
    loop_.enter_turn();
    if (callers_.size() >= kMaxUnfinished) {
        const std::shared_ptr<Caller> oldest = callers_.front();
        callers_.pop_front();
        oldest->greeting->cancel();
        say_refused(oldest->address, "too many others wait to shake hands");
    }
    auto caller = std::make_shared<Caller>();
    caller->address = address;
    callers_.push_back(caller);
    // The greeting is the caller's; what it holds back must not keep the caller, and so itself, alive.
    caller->greeting = BusGreeting::answer(
        loop_, OwnedFd(fd), std::move(address), [this] { return control_.identity(); },
        [this, weak = std::weak_ptr(caller)](BusGreeting::Outcome outcome) {
            if (const auto held = weak.lock()) on_greeted(held, std::move(outcome));
        });
}

void BusListener::on_greeted(const std::shared_ptr<Caller>& caller, BusGreeting::Outcome outcome) {
    std::erase(callers_, caller);
    if (outcome.connection)
        accepted_(std::move(*outcome.connection));
    else if (outcome.refusal != BusRefusal::myself)  // seeds often name all nodes
        say_refused(caller->address, outcome.failure);
}

void BusListener::say_refused(const std::string& address, const std::string& failure) {
    control_.counters().handshakes_refused.fetch_add(1, std::memory_order_relaxed);
    const int64_t now_ns = loop_.clock().monotonic_ns();
    if (said_ns_ != 0 && now_ns - said_ns_ < kSayEveryNs) {
        ++unsaid_;
        return;
    }
    log_warning("Bus: refused a link from {}: {} ({} more since the last such line)", address, failure,
                unsaid_);
    said_ns_ = now_ns;
    unsaid_ = 0;
}

}  // namespace torc

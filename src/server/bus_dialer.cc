#include "server/bus_dialer.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "base/log.h"

namespace torc {
namespace {

/// A link that stood for less isn't a success that starts the backoff anew: two nodes that break each other's
/// links at once would go on at full speed.
constexpr int64_t kStableNs = 2'000'000'000;
/// Addresses whose failures are remembered, so that they aren't said again.
constexpr size_t kMaxSaid = 256;

uint64_t random_seed() {
    std::random_device device;
    return static_cast<uint64_t>(device()) << 32 | device();
}

std::string text_of(const Endpoint& bus) {
    return fmt::format("{}:{}", bus.host, bus.port);
}

}  // namespace

struct TcpBusDialer::Target {
    enum class Said : uint8_t { nothing, up, down, failing };

    Target(asio::io_context& context, NodeId node, const Endpoint& endpoint)
        : peer(node),
          bus(endpoint),
          retry(context.get_executor()),
          backoff(kFirstWait, kLongestWait, random_seed()) {}
    ~Target() {
        if (greeting) greeting->cancel();
    }

    const NodeId peer;
    Endpoint bus;
    LoopTimer retry;
    Backoff backoff;
    std::shared_ptr<BusGreeting> greeting;  // under way
    int64_t up_since_ns = 0;
    Said said = Said::nothing;
};

struct TcpBusDialer::Contact {
    ~Contact() {
        if (greeting) greeting->cancel();
    }
    Endpoint bus;
    std::shared_ptr<BusGreeting> greeting;
};

TcpBusDialer::TcpBusDialer(BusLinks& links, BusIdentitySource identity, BusLane lane)
    : links_(links), identity_(std::move(identity)), lane_(lane) {}

TcpBusDialer::~TcpBusDialer() = default;

void TcpBusDialer::keep_link(NodeId peer, const Endpoint& bus) {
    if (stopped_) return;
    auto& target = targets_[peer];
    if (target) {
        if (target->bus == bus) return;
        target->bus = bus;
        if (links_.dialled_to(peer) != nullptr) return;  // for the next time
        attempt(*target);
        return;
    }
    target = std::make_unique<Target>(links_.loop().context(), peer, bus);
    // dial() may have made it before anybody knew who it would be.
    if (links_.dialled_to(peer) != nullptr) {
        target->up_since_ns = links_.loop().clock().monotonic_ns();
        target->said = Target::Said::up;
        return;
    }
    attempt(*target);
}

void TcpBusDialer::drop_link(NodeId peer) {
    targets_.erase(peer);
    if (TcpBusLink* link = links_.dialled_to(peer)) link->break_off("not wanted any more");
}

void TcpBusDialer::dial(const Endpoint& bus) {
    if (stopped_ || contacts_.size() >= kMaxContacts) return;
    for (const auto& contact : contacts_)
        if (contact->bus == bus) return;
    auto& contact = *contacts_.emplace_back(std::make_unique<Contact>());
    contact.bus = bus;
    contact.greeting = BusGreeting::call(
        links_.loop(), bus, 0, lane_, identity_,
        [this, &contact](BusGreeting::Outcome outcome) { on_contact(contact, std::move(outcome)); });
}

void TcpBusDialer::attempt(Target& target) {
    target.retry.cancel();
    if (target.greeting) target.greeting->cancel();
    target.greeting = BusGreeting::call(
        links_.loop(), target.bus, target.peer, lane_, identity_,
        [this, &target](BusGreeting::Outcome outcome) { on_attempt(target, std::move(outcome)); });
}

void TcpBusDialer::on_attempt(Target& target, BusGreeting::Outcome outcome) {
    target.greeting = nullptr;
    if (outcome.connection) return take(std::move(*outcome.connection));
    say_failed(target, outcome.failure);
    retry_later(target);
}

void TcpBusDialer::on_contact(Contact& contact, BusGreeting::Outcome outcome) {
    const std::string address = text_of(contact.bus);
    contact.greeting = nullptr;
    std::erase_if(contacts_, [&contact](const auto& each) { return each.get() == &contact; });
    if (outcome.connection) {
        said_.erase(address);
        return take(std::move(*outcome.connection));
    }
    if (outcome.refusal == BusRefusal::myself) {
        log_debug("Bus: {} is this node itself", address);
        return;
    }
    if (said_.size() >= kMaxSaid) said_.clear();
    std::string& said = said_[address];
    if (said == outcome.failure) return;
    said = outcome.failure;
    log_warning("Bus: no link to {}: {}", address, said);
}

void TcpBusDialer::take(BusConnection connection) {
    links_.add(std::move(connection), [this](TcpBusLink& link) {
        const auto found = targets_.find(link.peer());
        if (found != targets_.end()) {
            // Of two attempts (dial() and keep_link()) the first to succeed serves both.
            Target& target = *found->second;
            if (target.greeting) target.greeting->cancel();
            target.greeting = nullptr;
            target.retry.cancel();
            target.up_since_ns = links_.loop().clock().monotonic_ns();
            target.said = Target::Said::up;
        }
        log_at(lane_ == kControlLane ? LogLevel::notice : LogLevel::verbose,
               "Bus link to node {} at {} is up, lane {}", node_name(link.peer()), link.address(), lane_);
    });
}

void TcpBusDialer::on_link_down(TcpBusLink& link) {
    log_at(lane_ == kControlLane ? LogLevel::notice : LogLevel::verbose,
           "Bus link to node {} at {} is down, lane {}: {}", node_name(link.peer()), link.address(), lane_,
           link.reason());
    const auto found = targets_.find(link.peer());
    if (found == targets_.end() || links_.dialled_to(link.peer()) != nullptr) return;
    Target& target = *found->second;
    target.said = Target::Said::down;
    if (links_.loop().clock().monotonic_ns() - target.up_since_ns >= kStableNs) target.backoff.reset();
    retry_later(target);
}

void TcpBusDialer::retry_later(Target& target) {
    if (stopped_) return;
    target.retry.expires_after(target.backoff.next());
    target.retry.async_wait([this, peer = target.peer](const IoError& error) {
        if (error) return;
        links_.loop().enter_turn();
        // Much may have happened between the timer's end and now.
        const auto found = targets_.find(peer);
        if (stopped_ || found == targets_.end() || found->second->greeting ||
            links_.dialled_to(peer) != nullptr)
            return;
        attempt(*found->second);
    });
}

void TcpBusDialer::say_failed(Target& target, const std::string& failure) {
    const bool first = target.said != Target::Said::failing;
    target.said = Target::Said::failing;
    if (!first) return;
    log_at(lane_ == kControlLane ? LogLevel::warning : LogLevel::verbose,
           "Bus: no link to node {} at {}, lane {}: {}. Trying again, up to every {} ms",
           node_name(target.peer), text_of(target.bus), lane_, failure, kLongestWait.count());
}

void TcpBusDialer::reset_attempts(std::string_view reason) {
    contacts_.clear();
    for (const auto& [peer, target] : targets_) {
        if (!target->greeting) continue;
        target->greeting->cancel();
        target->greeting = nullptr;
        say_failed(*target, std::string(reason));
        retry_later(*target);
    }
}

void TcpBusDialer::stop() {
    stopped_ = true;
    contacts_.clear();
    targets_.clear();
}

}  // namespace torc

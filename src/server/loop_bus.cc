#include "server/loop_bus.h"

#include "base/log.h"

namespace torc {
namespace {

/// So that a loop without work is seen to be awake.
constexpr std::chrono::milliseconds kPulse{100};

}  // namespace

LoopBus::LoopBus(BusLoop& loop, std::string name, BusControl& control, BusLane lane)
    : loop_(loop),
      name_(std::move(name)),
      counters_(control.counters()),
      links_(loop, counters_),
      dialer_(
          links_, [&control] { return control.identity(); }, lane),
      pulse_(loop.context().get_executor()) {
    links_.on_pause_check([this] { return notices_pause(); });
    links_.on_down([this](TcpBusLink& link) {
        if (link.dialled()) dialer_.on_link_down(link);
    });
}

void LoopBus::start() {
    pulse();
}

void LoopBus::pulse() {
    if (stopped_) return;
    pulse_.expires_after(kPulse);
    pulse_.async_wait([this](const IoError& error) {
        if (error) return;
        loop_.enter_turn();
        pulse();
    });
}

bool LoopBus::notices_pause() {
    const int64_t paused_ns = watch_.look(loop_.clock().monotonic_ns());
    if (paused_ns == 0 || stopped_) return false;
    counters_.pauses.fetch_add(1, std::memory_order_relaxed);
    log_warning("{} did not run for {} ms: its {} bus links are reset, and what came over them is discarded",
                name_, paused_ns / 1'000'000, links_.count());
    const std::string reason = fmt::format("this node stood still for {} ms", paused_ns / 1'000'000);
    links_.reset_all(reason);
    dialer_.reset_attempts(reason);
    if (on_pause_) on_pause_();
    return true;
}

void LoopBus::adopt(BusConnection connection) {
    if (stopped_) return;
    // It may have waited for this loop while all stood still.
    if (loop_.clock().monotonic_ns() - connection.read_ns > PauseWatch::kLimitNs) return;
    log_at(LogLevel::verbose, "Bus link from node {} at {} is up, lane {}", node_name(connection.peer),
           connection.address, connection.lane);
    links_.add(std::move(connection));
}

void LoopBus::stop() {
    stopped_ = true;
    pulse_.cancel();
    dialer_.stop();
    links_.reset_all("this node ends");
}

}  // namespace torc

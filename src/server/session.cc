#include "server/session.h"

#include "base/config.h"
#include "base/log.h"
#include "base/time.h"
#include "node/node.h"
#include "server/event_loop.h"

namespace torc {
namespace {

/// Unsent replies from which on a connection isn't read any more. Redis goes on reading, and a peer that only
/// writes takes all memory there is.
constexpr size_t kUnsentPause = 64 << 20;

}  // namespace

// Handlers carry a bare pointer: the session stays until they have come back (let_go()), so there is nothing
// to count per event.
struct Session::ReadDone {
    Session* session;
    void operator()(const IoError& error, size_t bytes) const { session->on_read(error, bytes); }
};

struct Session::Writable {
    Session* session;
    void operator()(const IoError& error) const { session->on_writable(error); }
};

Session::Session(EventLoop& loop, int fd, std::unique_ptr<ClientState> state)
    : loop_(loop), socket_(loop.context().get_executor(), stream_protocol_of(fd), fd) {
    IoError ignored;
    socket_.non_blocking(true, ignored);
    // Last, when every member stands: from here on other threads may wake us.
    client_ = std::make_unique<Client>(loop.worker(), *this, std::move(state));
}

Session::~Session() = default;

void Session::start() {
    arm_read();
}

void Session::arm_read() {
    if (reading_ || awaiting_turn_end_ || ended_ || closing_ || client_->paused()) return;
    if (client_->output().size() >= kUnsentPause) return;  // write_some() comes back here
    reading_ = true;
    const size_t bytes = client_->read_size();
    socket_.async_read_some(asio::buffer(client_->input().prepare(bytes), bytes), ReadDone{this});
}

void Session::on_read(const IoError& error, size_t bytes) {
    reading_ = false;
    loop_.enter_turn();
    if (ended_) return retire_once();
    if (error == asio::error::eof) return on_end_of_input();
    if (error) return close(true);
    client_->input().commit(bytes);
    const auto limit =
        loop_.node().config().live.client_query_buffer_limit_bytes.load(std::memory_order_relaxed);
    if (client_->input().size() > static_cast<size_t>(limit)) {
        log_warning("Closing client {} ({}): its query buffer exceeds client-query-buffer-limit ({} bytes)",
                    client_->state().id, client_->state().address, limit);
        return close(true);
    }
    client_->on_input();
    after_commands();
}

// The peer sends no more, but may still read what it asked for (`... | nc`).
void Session::on_end_of_input() {
    closing_ = true;
    if (is_answered()) close(true);
}

/// Everything is sent, and no other node is waited for.
bool Session::is_answered() const {
    return client_->output().empty() && !client_->owes_replies();
}

void Session::after_commands() {
    if (ended_) return;
    if (over_output_limit()) return close(true);
    if (!awaiting_turn_end_) {
        awaiting_turn_end_ = true;
        loop_.read_after_turn(*this);
    }
}

void Session::read_on() {
    awaiting_turn_end_ = false;
    arm_read();
}

void Session::wake() {
    if (!wake_under_way_.exchange(true, std::memory_order_acq_rel)) loop_.submit(*this);
}

void Session::run() {
    // Lowered first: a wake that comes while resume() runs is about something it may not see any more.
    wake_under_way_.store(false, std::memory_order_release);
    if (ended_) return retire_once();
    client_->resume();
    after_commands();
}

void Session::send() {
    if (ended_ || awaiting_writable_) return;
    if (over_output_limit()) return close(true);
    write_some();
}

void Session::write_some() {
    if (const size_t bytes = client_->sendable(); bytes != 0) {
        IoError error;
        const size_t taken = socket_.send(asio::buffer(client_->output().data(), bytes), 0, error);
        if (error && error != asio::error::would_block) return close(true);
        client_->sent(taken);
        if (taken < bytes) await_writable();  // the kernel's buffer is full: trying again would only say so
    }
    if (closing_ && is_answered()) return close(true);
    arm_read();
}

void Session::await_writable() {
    awaiting_writable_ = true;
    socket_.async_wait(StreamSocket::wait_write, Writable{this});
}

void Session::on_writable(const IoError& error) {
    awaiting_writable_ = false;
    loop_.enter_turn();
    if (ended_) return retire_once();
    if (error) return close(true);
    write_some();
}

bool Session::over_output_limit() {
    const OutputLimit& live = loop_.node().config().live.output_normal;
    const OutputLimitWatch::Limits limits{live.hard_bytes.load(std::memory_order_relaxed),
                                          live.soft_bytes.load(std::memory_order_relaxed),
                                          live.soft_seconds.load(std::memory_order_relaxed)};
    if (limits.hard_bytes == 0 && limits.soft_bytes == 0) return false;
    const size_t bytes = client_->output().size();
    const int64_t now_ms = limits.soft_bytes == 0 ? 0 : system_clock().monotonic_ns() / 1'000'000;
    if (!output_watch_.exceeded(bytes, limits, now_ms)) return false;
    log_warning("Closing client {} ({}): {} bytes of unsent replies exceed client-output-buffer-limit",
                client_->state().id, client_->state().address, bytes);
    return true;
}

void Session::check_limits() {
    if (ended_) return;
    if (over_output_limit()) return close(true);
    const int64_t timeout = loop_.node().config().live.timeout_seconds.load(std::memory_order_relaxed);
    if (timeout <= 0 || client_->paused()) return;  // who waits for us isn't idle
    const int64_t used_ms = client_->state().last_used_ms.load(std::memory_order_relaxed);
    if (system_clock().wall_ms() - used_ms <= timeout * 1000) return;
    log_at(LogLevel::verbose, "Closing idle client {} ({})", client_->state().id, client_->state().address);
    close(true);
}

void Session::close(bool now) {
    if (ended_) return;
    closing_ = true;
    if (!now && !client_->output().empty()) return;
    ended_ = true;
    IoError ignored;
    socket_.close(ignored);
    retire_once();
}

void Session::retire_once() {
    if (retired_) return;
    retired_ = true;
    loop_.retire(*this);
}

bool Session::let_go() {
    retired_ = false;
    client_.reset();  // from here on nobody wakes it
    return !reading_ && !awaiting_writable_ && !wake_under_way_.load(std::memory_order_acquire);
}

}  // namespace torc

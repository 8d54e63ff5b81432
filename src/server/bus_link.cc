#include "server/bus_link.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "cluster/bus_frame.h"
#include "server/bus_links.h"
#include "server/socket_facts.h"

namespace torc {
namespace {

/// A read asks for as much as there is already, within these: so a big frame comes in few reads, and no
/// length that a peer only claims is given memory.
constexpr size_t kLeastRead = 64u << 10;
constexpr size_t kMostRead = 4u << 20;
/// A buffer that grew beyond this for one burst gives its memory back.
constexpr size_t kKeptCapacity = 1u << 20;

void let_go_of_burst(Buffer& buffer) {
    if (buffer.empty() && buffer.capacity() > kKeptCapacity) buffer.release();
}

}  // namespace

static_assert(BusLink::kMaxFrame == kMaxBusFrame);

// Bare pointers, as a session's: BusLinks keeps the link until they are back.
struct TcpBusLink::ReadDone {
    TcpBusLink* link;
    void operator()(const IoError& error, size_t bytes) const { link->on_read(error, bytes); }
};

struct TcpBusLink::Writable {
    TcpBusLink* link;
    void operator()(const IoError& error) const { link->on_writable(error); }
};

TcpBusLink::TcpBusLink(BusLinks& links, BusConnection connection)
    : links_(links),
      socket_(links.loop().context().get_executor()),
      peer_(connection.peer),
      lane_(connection.lane),
      dialled_(connection.dialled),
      version_(connection.version),
      address_(std::move(connection.address)),
      input_(std::move(connection.input)) {
    sockaddr_storage other_end{};
    socklen_t length = sizeof other_end;
    if (::getpeername(connection.fd.get(), reinterpret_cast<sockaddr*>(&other_end), &length) == 0)
        peer_host_ = host_text(other_end);
    sockaddr_storage this_end{};
    length = sizeof this_end;
    if (::getsockname(connection.fd.get(), reinterpret_cast<sockaddr*>(&this_end), &length) == 0)
        own_host_ = host_text(this_end);
    IoError error;  // then the first read fails
    socket_.assign(stream_protocol_of(connection.fd.get()), connection.fd.get(), error);
    if (!error) connection.fd.release();
    socket_.non_blocking(true, error);
}

void TcpBusLink::start() {
    if (broken_) return;
    hand_on_frames();
    if (!broken_) links_.read_after_turn(*this);
}

void TcpBusLink::send(std::string_view payload) {
    TORC_CHECK(!payload.empty() && payload.size() <= kMaxFrame);
    if (broken_) return;
    if (output_.size() + payload.size() > kMaxQueued) {
        links_.counters().links_overrun.fetch_add(1, std::memory_order_relaxed);
        return break_off(fmt::format("it doesn't read: {} bytes wait for it", output_.size()));
    }
    append_bus_frame(output_, payload);
    if (flush_wanted_ || awaiting_writable_) return;
    flush_wanted_ = true;
    links_.flush_after_turn(*this);
}

void TcpBusLink::flush() {
    flush_wanted_ = false;
    if (broken_ || awaiting_writable_ || output_.empty()) return;
    IoError error;
    const size_t taken = socket_.send(asio::buffer(output_.data(), output_.size()), 0, error);
    if (error && error != asio::error::would_block)
        return break_off(fmt::format("writing: {}", error.message()));
    output_.consume(taken);
    if (!output_.empty()) return await_writable();
    let_go_of_burst(output_);
}

void TcpBusLink::await_writable() {
    awaiting_writable_ = true;
    socket_.async_wait(StreamSocket::wait_write, Writable{this});
}

void TcpBusLink::on_writable(const IoError& error) {
    awaiting_writable_ = false;
    links_.loop().enter_turn();
    if (broken_) return;
    if (error) return break_off(fmt::format("writing: {}", error.message()));
    flush();
}

void TcpBusLink::read_on() {
    if (reading_ || broken_) return;
    reading_ = true;
    const size_t bytes = std::clamp(input_.size(), kLeastRead, kMostRead);
    socket_.async_read_some(asio::buffer(input_.prepare(bytes), bytes), ReadDone{this});
}

void TcpBusLink::on_read(const IoError& error, size_t bytes) {
    reading_ = false;
    links_.loop().enter_turn();
    if (broken_) return;
    if (error == asio::error::eof) return break_off("the peer closed it");
    if (error) return break_off(fmt::format("reading: {}", error.message()));
    input_.commit(bytes);
    hand_on_frames();
    if (!broken_) links_.read_after_turn(*this);
}

void TcpBusLink::hand_on_frames() {
    for (;;) {
        const BusFrame frame = first_bus_frame(input_.view(), kMaxFrame);
        if (frame.status == BusFrame::Status::incomplete) break;
        if (frame.status == BusFrame::Status::broken) {
            links_.counters().links_malformed.fetch_add(1, std::memory_order_relaxed);
            return break_off("it sent a malformed frame");
        }
        // The process may have been stopped between two frames.
        if (links_.notices_pause()) return;
        links_.user().on_frame(*this, frame.payload);
        if (broken_) return;
        input_.consume(frame.size);
    }
    let_go_of_burst(input_);
}

void TcpBusLink::break_off(std::string reason) {
    if (broken_) return;
    broken_ = true;
    reason_ = std::move(reason);
    IoError ignored;
    socket_.close(ignored);
    links_.on_broken(*this);
}

}  // namespace torc

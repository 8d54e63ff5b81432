// The few Asio types that the shell uses, with the concrete executor: any_io_executor would cost a virtual
// call or more per event.
#pragma once

#include <sys/socket.h>

#include <boost/asio.hpp>

namespace torc {

namespace asio = boost::asio;
using IoExecutor = asio::io_context::executor_type;
/// TCP or unix: a session doesn't care.
using StreamSocket = asio::basic_stream_socket<asio::generic::stream_protocol, IoExecutor>;
using Descriptor = asio::posix::basic_stream_descriptor<IoExecutor>;
using LoopTimer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                             asio::wait_traits<std::chrono::steady_clock>, IoExecutor>;
using IoError = boost::system::error_code;

/// What Asio wants to know of a socket that somebody else made.
inline asio::generic::stream_protocol stream_protocol_of(int fd) {
    int family = AF_INET;
    socklen_t length = sizeof family;
    ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length);
    return {family, 0};
}

}  // namespace torc

// The few Asio types that the shell uses, with the concrete executor: any_io_executor would cost a virtual
// call or more per event.
#pragma once

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

}  // namespace torc

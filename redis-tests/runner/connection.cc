#include "connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace redis_tests {

Connection::Connection(int port) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket_ < 0) return;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool open = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    if (!open && errno == EINPROGRESS) {
        pollfd poll_entry{socket_, POLLOUT, 0};
        int error = 0;
        socklen_t size = sizeof error;
        open = ::poll(&poll_entry, 1, 5000) == 1 &&
               ::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
    }
    if (!open) {
        ::close(socket_);
        socket_ = -1;
        return;
    }
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Connection::~Connection() {
    if (socket_ >= 0) ::close(socket_);
}

bool Connection::send(std::string_view bytes) {
    while (!bytes.empty()) {
        if (socket_ < 0) return false;
        const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes.remove_prefix(static_cast<size_t>(sent));
        } else if (errno == EAGAIN) {
            pollfd poll_entry{socket_, POLLOUT | POLLIN, 0};
            ::poll(&poll_entry, 1, 5000);
            if ((poll_entry.revents & POLLIN) && receive(Milliseconds(0)) == Received::end) return false;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

Connection::Received Connection::receive(Milliseconds timeout) {
    pollfd poll_entry{socket_, POLLIN, 0};
    if (::poll(&poll_entry, 1, static_cast<int>(timeout.count())) <= 0) return Received::nothing;
    char chunk[65536];
    const ssize_t size = ::recv(socket_, chunk, sizeof chunk, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return Received::nothing;
    if (size <= 0) return Received::end;
    reader_.feed({chunk, static_cast<size_t>(size)});
    return Received::bytes;
}

Reply Connection::read(Milliseconds timeout) {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (true) {
        if (auto reply = reader_.next()) return *std::move(reply);
        if (socket_ < 0) return Reply::event("closed");
        const auto left =
            std::chrono::duration_cast<Milliseconds>(deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0) return Reply::event("no reply in time");
        if (receive(left) == Received::end) return Reply::event("closed");
    }
}

}  // namespace redis_tests

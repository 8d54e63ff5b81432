#include "load_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace bench {

std::string key_of(uint64_t number) {
    char text[32];
    std::snprintf(text, sizeof text, "key:%012llu", static_cast<unsigned long long>(number));
    return text;
}

std::string value_of(uint64_t number, size_t size) {
    std::string out = std::to_string(number) + ":";
    // Not compressible into nothing, and different for each key.
    uint64_t state = number * 0x9e3779b97f4a7c15ULL + 1;
    while (out.size() < size) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out += static_cast<char>('!' + state % 90);
    }
    out.resize(size);
    return out;
}

LoadClient::LoadClient(int port, size_t value_size)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), value_size_(value_size) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        throw std::runtime_error("cannot connect to port " + std::to_string(port));
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

LoadClient::~LoadClient() {
    ::close(socket_);
}

void LoadClient::add_get(uint64_t number) {
    output_ += "*2\r\n$3\r\nGET\r\n$16\r\n" + key_of(number) + "\r\n";
    awaited_.push_back({true, number});
}

void LoadClient::add_set(uint64_t number) {
    output_ += "*3\r\n$3\r\nSET\r\n$16\r\n" + key_of(number) + "\r\n$" + std::to_string(value_size_) + "\r\n";
    output_ += value_of(number, value_size_);
    output_ += "\r\n";
    awaited_.push_back({false, number});
}

void LoadClient::send(Outcome& outcome) {
    sent_at_ = std::chrono::steady_clock::now();
    for (std::string_view rest = output_; !rest.empty();) {
        const ssize_t size = ::send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size > 0) {
            rest.remove_prefix(static_cast<size_t>(size));
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            receive(outcome);
        } else {
            throw std::runtime_error("the server closed the connection");
        }
    }
    output_.clear();
}

void LoadClient::receive(Outcome& outcome) {
    char chunk[65536];
    const ssize_t size = ::recv(socket_, chunk, sizeof chunk, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (size <= 0) throw std::runtime_error("the server closed the connection");
    input_.append(chunk, static_cast<size_t>(size));
    while (!awaited_.empty() && take_reply(outcome)) {
    }
    input_.erase(0, taken_);
    taken_ = 0;
    if (!awaited_.empty()) return;
    const auto took = std::chrono::steady_clock::now() - sent_at_;
    outcome.batch_us.push_back(
        static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
}

bool LoadClient::take_reply(Outcome& outcome) {
    const size_t end = input_.find("\r\n", taken_);
    if (end == std::string::npos) return false;
    const char type = input_[taken_];
    std::string_view body = std::string_view(input_).substr(taken_ + 1, end - taken_ - 1);
    size_t next = end + 2;
    bool null = false;
    if (type == '$') {
        long long size = 0;
        std::from_chars(body.data(), body.data() + body.size(), size);
        null = size < 0;
        body = {};
        if (!null) {
            if (input_.size() < next + static_cast<size_t>(size) + 2) return false;
            body = std::string_view(input_).substr(next, static_cast<size_t>(size));
            next += static_cast<size_t>(size) + 2;
        }
    }
    check(awaited_.front(), type, null, body, outcome);
    awaited_.pop_front();
    taken_ = next;
    return true;
}

void LoadClient::check(const Awaited& awaited, char type, bool null, std::string_view body,
                       Outcome& outcome) const {
    ++outcome.operations;
    if (type == '-') {
        if (outcome.errors++ == 0) outcome.first_error = body;
    } else if (awaited.get && null) {
        ++outcome.missing;
    } else if (awaited.get && body != value_of(awaited.number, value_size_)) {
        ++outcome.wrong;
    }
}

}  // namespace bench

#include "server/socket_facts.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace torc {
namespace {

sockaddr_storage v4(const char* text, int port) {
    sockaddr_storage storage{};
    auto& address = reinterpret_cast<sockaddr_in&>(storage);
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    inet_pton(AF_INET, text, &address.sin_addr);
    return storage;
}

sockaddr_storage v6(const char* text, int port) {
    sockaddr_storage storage{};
    auto& address = reinterpret_cast<sockaddr_in6&>(storage);
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(static_cast<uint16_t>(port));
    inet_pton(AF_INET6, text, &address.sin6_addr);
    return storage;
}

TEST(SocketFacts, AddressesReadAsInClientList) {
    EXPECT_EQ(address_text(v4("10.1.2.3", 6379), ""), "10.1.2.3:6379");
    EXPECT_EQ(address_text(v6("::1", 7000), ""), "[::1]:7000");
    sockaddr_storage unix_address{};
    unix_address.ss_family = AF_UNIX;
    EXPECT_EQ(address_text(unix_address, "/run/torc.sock"), "/run/torc.sock:0");
}

TEST(SocketFacts, AHostIsItsAddressAlone) {
    EXPECT_EQ(host_text(v4("10.1.2.3", 6379)), "10.1.2.3");
    EXPECT_EQ(host_text(v6("fe80::1", 7000)), "fe80::1");
    EXPECT_EQ(host_text(v6("::ffff:10.1.2.3", 7000)), "10.1.2.3");
    sockaddr_storage unix_address{};
    unix_address.ss_family = AF_UNIX;
    EXPECT_EQ(host_text(unix_address), "");
}

TEST(SocketFacts, PatienceHasAnEnd) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    ASSERT_GE(fd, 0);
    set_patience(fd, 5);
    int value = 0;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &size), 0);
    EXPECT_EQ(value, 5000);
    ::close(fd);
}

TEST(SocketFacts, LoopbackInAllItsForms) {
    EXPECT_TRUE(is_local(v4("127.0.0.1", 1)));
    EXPECT_TRUE(is_local(v4("127.9.9.9", 1)));
    EXPECT_TRUE(is_local(v6("::1", 1)));
    EXPECT_TRUE(is_local(v6("::ffff:127.0.0.1", 1)));
    EXPECT_FALSE(is_local(v4("10.0.0.1", 1)));
    EXPECT_FALSE(is_local(v6("::ffff:10.0.0.1", 1)));
    EXPECT_FALSE(is_local(v6("fe80::1", 1)));
}

}  // namespace
}  // namespace torc

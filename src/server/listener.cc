#include "server/listener.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/log.h"
#include "base/time.h"
#include "server/owned_fd.h"
#include "server/socket_facts.h"

namespace torc {
namespace {

/// Connections accepted per readiness event before other handlers get their turn.
constexpr int kAcceptsPerEvent = 1000;
/// Rest after an error that trying again at once wouldn't cure (no descriptors, no memory).
constexpr std::chrono::milliseconds kAcceptRest{100};

std::unexpected<Error> fail_listening(std::string_view where, std::string_view step, int error,
                                      std::string_view remedy) {
    return fail(error == EADDRINUSE ? ErrorKind::busy : ErrorKind::refused,
                fmt::format("Could not listen on {}: {}: {}. {}", where, step, std::strerror(error), remedy));
}

/// An address that this machine doesn't have, as opposed to one that is taken or forbidden.
bool is_missing_address(int error) {
    return error == EADDRNOTAVAIL || error == EAFNOSUPPORT || error == EPROTONOSUPPORT ||
           error == ESOCKTNOSUPPORT || error == EPFNOSUPPORT || error == ENOPROTOOPT;
}

}  // namespace

struct Listener::Door {
    Door(asio::io_context& context, int fd)
        : descriptor(context.get_executor(), fd), rest(context.get_executor()) {}
    Descriptor descriptor;
    LoopTimer rest;
    std::string unix_path;
    bool complained = false;
};

Listener::Listener(asio::io_context& context, Accepted accepted, std::function<int()> keepalive_seconds)
    : context_(context), accepted_(std::move(accepted)), keepalive_seconds_(std::move(keepalive_seconds)) {}

Listener::~Listener() {
    close();
}

Result<void> Listener::open(const Options& options) {
    if (options.port != 0) {
        for (const std::string& address : options.bind) {
            if (auto done = open_tcp(address, options); !done) return done;
        }
    }
    if (!options.unix_path.empty()) {
        if (auto done = open_unix(options); !done) return done;
    }
    if (doors_.empty()) {
        return fail(ErrorKind::invalid,
                    "Nothing to listen on: port is 0 (or no `bind` address exists here) and no unixsocket is "
                    "given. Set `port` or `unixsocket`");
    }
    return {};
}

Result<void> Listener::open_tcp(const std::string& address, const Options& options) {
    const bool optional = address.starts_with('-');
    std::string host = optional ? address.substr(1) : address;
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    if (host == "*") {
        host = "0.0.0.0";
    } else if (host == "::*") {
        host = "::";
    }
    const std::string where = fmt::format("{}:{}", host, options.port);
    addrinfo* found = nullptr;
    if (const int error = getaddrinfo(host.c_str(), std::to_string(options.port).c_str(), &hints, &found);
        error != 0) {
        if (optional) return {};
        return fail(ErrorKind::invalid, fmt::format("Could not listen on {}: {}. Check the `bind` directive",
                                                    where, gai_strerror(error)));
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);

    OwnedFd socket{::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (socket.get() < 0) {
        if (optional && is_missing_address(errno)) return {};
        return fail_listening(where, "socket", errno, "Remove the address from `bind`");
    }
    const int on = 1;
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    // Otherwise "::" would take IPv4's port as well, and binding "*" beside it would fail.
    if (found->ai_family == AF_INET6)
        (void)::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (::bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0) {
        if (optional && is_missing_address(errno)) return {};
        return fail_listening(
            where, "bind", errno,
            errno == EADDRINUSE
                ? fmt::format("Stop the other server or choose another `{}`", options.port_directive)
                : fmt::format("Check the `bind` and `{}` directives", options.port_directive));
    }
    if (::listen(socket.get(), options.backlog) != 0) {
        return fail_listening(where, "listen", errno,
                              fmt::format("Choose another `{}`", options.port_directive));
    }
    doors_.emplace_back(context_, socket.release());
    return {};
}

Result<void> Listener::open_unix(const Options& options) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (options.unix_path.size() >= sizeof address.sun_path) {
        return fail(ErrorKind::invalid, fmt::format("unixsocket {} is too long: at most {} bytes",
                                                    options.unix_path, sizeof address.sun_path - 1));
    }
    std::memcpy(address.sun_path, options.unix_path.c_str(), options.unix_path.size() + 1);
    OwnedFd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (socket.get() < 0) return fail_listening(options.unix_path, "socket", errno, "Remove `unixsocket`");
    // A file that an earlier run left behind would refuse the address for ever; only a socket is removed.
    struct stat old{};
    if (::stat(options.unix_path.c_str(), &old) == 0 && S_ISSOCK(old.st_mode))
        ::unlink(options.unix_path.c_str());
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return fail_listening(options.unix_path, "bind", errno, "Check the `unixsocket` directive");
    }
    if (options.unix_permissions != 0) ::chmod(options.unix_path.c_str(), options.unix_permissions);
    if (::listen(socket.get(), options.backlog) != 0) {
        return fail_listening(options.unix_path, "listen", errno, "Check the `unixsocket` directive");
    }
    doors_.emplace_back(context_, socket.release()).unix_path = options.unix_path;
    return {};
}

void Listener::start() {
    for (Door& door : doors_) await(door);
}

void Listener::close() {
    for (Door& door : doors_) {
        IoError ignored;
        door.rest.cancel();
        door.descriptor.close(ignored);
        if (!door.unix_path.empty()) ::unlink(door.unix_path.c_str());
    }
    // The doors themselves stay: their cancelled handlers still have to pass.
}

void Listener::await(Door& door) {
    door.descriptor.async_wait(Descriptor::wait_read, [this, &door](const IoError& error) {
        if (!error) accept_all(door);
    });
}

void Listener::accept_all(Door& door) {
    for (int n = 0; n < kAcceptsPerEvent; ++n) {
        sockaddr_storage peer{};
        socklen_t length = sizeof peer;
        const int fd = ::accept4(door.descriptor.native_handle(), reinterpret_cast<sockaddr*>(&peer), &length,
                                 SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            door.complained = false;
            greet(door, fd, peer);
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) break;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            // The connection stays in the backlog and the socket readable: without a rest this would spin.
            if (!door.complained) {
                door.complained = true;
                log_warning(
                    "Accepting a connection failed: {}. Raise the limit on open files (ulimit -n) or lower "
                    "maxclients",
                    std::strerror(errno));
            }
            door.rest.expires_after(kAcceptRest);
            door.rest.async_wait([this, &door](const IoError& error) {
                if (!error) accept_all(door);
            });
            return;
        }
        // Others (ECONNABORTED, EPROTO ...) concern that one connection only.
    }
    await(door);
}

void Listener::greet(Door& door, int fd, const sockaddr_storage& peer) {
    auto state = std::make_unique<ClientState>();
    sockaddr_storage own{};
    socklen_t length = sizeof own;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &length);
    state->address = address_text(peer, door.unix_path);
    state->local_address = address_text(own, door.unix_path);
    state->local = is_local(peer);
    state->fd = fd;
    state->created_ms = system_clock().wall_ms();
    state->last_used_ms = state->created_ms;
    if (door.unix_path.empty()) set_connection_options(fd, keepalive_seconds_());
    accepted_(fd, std::move(state));
}

}  // namespace torc

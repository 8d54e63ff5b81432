// What a socket says about itself, and the options that a connection gets.
#pragma once

#include <string>

struct sockaddr_storage;

namespace torc {

/// "127.0.0.1:6379", "[::1]:6379", or "path:0" for a unix socket (`path` then names it).
std::string address_text(const sockaddr_storage& address, const std::string& path);
/// The IP address alone, as an Endpoint has it; empty for a unix socket.
std::string host_text(const sockaddr_storage& address);
/// Loopback or unix: what protected-mode and `enable-debug-command local` call local.
bool is_local(const sockaddr_storage& address);

/// TCP_NODELAY, and keepalive probes after `keepalive_seconds` (0: none). Errors are ignored: a connection
/// without them works.
void set_connection_options(int fd, int keepalive_seconds);
/// The connection breaks when what was sent isn't acknowledged for so long. Without it the system goes on
/// sending again for minutes, more and more seldom, so that a link is of use long after the net works again
/// only.
void set_patience(int fd, int seconds);

}  // namespace torc

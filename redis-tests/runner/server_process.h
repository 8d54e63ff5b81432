// A server started for this run: own port, own temporary directory, gone with this object (and with this
// process, however it ends).
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace redis_tests {

/// The surroundings failed, not the server's replies: a program is missing, a server died.
struct Unplayable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class ServerProcess {
  public:
    /// Starts `program --port P --dir D arguments...` and waits until it answers PING. Throws Unplayable.
    ServerProcess(const std::string& program, const std::vector<std::string>& arguments);
    ~ServerProcess();
    ServerProcess(const ServerProcess&) = delete;
    ServerProcess& operator=(const ServerProcess&) = delete;

    int port() const { return port_; }
    /// False once the process has ended by itself.
    bool alive();
    /// What it wrote to its standard output, the last 2000 bytes.
    std::string last_output() const;

  private:
    bool answers_ping() const;
    void wait_until_ready();
    void stop();

    int port_;
    pid_t pid_ = -1;
    std::filesystem::path directory_;
};

}  // namespace redis_tests

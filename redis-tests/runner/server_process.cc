#include "server_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

#include "connection.h"

namespace redis_tests {

namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(10);
constexpr int kStartPolls = 1000;  // a sanitizer build takes seconds to come up
constexpr int kStopPolls = 500;

/// A cluster's node listens 10000 further on too.
constexpr int kHighestPort = 55535;

int any_free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const bool bound = ::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    ::close(socket);
    if (!bound) throw Unplayable("no free port on 127.0.0.1");
    return ntohs(address.sin_port);
}

int free_port() {
    for (int tries = 0; tries < 100; ++tries)
        if (const int port = any_free_port(); port <= kHighestPort) return port;
    throw Unplayable("no free port below 55536 on 127.0.0.1");
}

std::filesystem::path new_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "redis-tests-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw Unplayable("no temporary directory at " + name);
    return name;
}

}  // namespace

ServerProcess::ServerProcess(const std::string& program, const std::vector<std::string>& arguments)
    : port_(free_port()), directory_(new_directory()) {
    std::vector<std::string> words{program, "--port", std::to_string(port_), "--dir", directory_.string()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::string output = (directory_ / "output").string();

    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) throw Unplayable("fork failed");
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(127);
        const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        ::dup2(file, STDOUT_FILENO);
        ::dup2(file, STDERR_FILENO);
        ::execvp(argv[0], argv.data());
        ::_exit(127);
    }
    try {
        wait_until_ready();
    } catch (...) {
        stop();
        throw;
    }
}

ServerProcess::~ServerProcess() {
    stop();
}

void ServerProcess::wait_until_ready() {
    for (int i = 0; i < kStartPolls; ++i) {
        if (!alive()) throw Unplayable("the server ended at its start: " + last_output());
        if (answers_ping()) return;
        std::this_thread::sleep_for(kPollInterval);
    }
    throw Unplayable("the server does not answer PING: " + last_output());
}

bool ServerProcess::answers_ping() const {
    Connection connection(port_);
    return connection.connected() && connection.send("*1\r\n$4\r\nPING\r\n") &&
           to_text(connection.read(std::chrono::milliseconds(1000))) == "+PONG";
}

bool ServerProcess::alive() {
    if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
    return pid_ > 0;
}

std::string ServerProcess::last_output() const {
    std::ifstream file(directory_ / "output", std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    return text.size() > 2000 ? text.substr(text.size() - 2000) : text;
}

void ServerProcess::stop() {
    if (alive()) ::kill(pid_, SIGTERM);
    for (int i = 0; i < kStopPolls && alive(); ++i) std::this_thread::sleep_for(kPollInterval);
    if (alive()) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

}  // namespace redis_tests

#include "torc_process.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace torc::testing {

namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(10);
constexpr int kStartPolls = 3000;  // a sanitizer build that loads its data takes its time
constexpr int kStopPolls = 1000;

int free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const bool bound = ::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                       ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    ::close(socket);
    if (!bound) throw std::runtime_error("no free port on 127.0.0.1");
    return ntohs(address.sin_port);
}

std::filesystem::path new_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "torc-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory at " + name);
    return name;
}

}  // namespace

TorcProcess::TorcProcess(std::vector<std::string> arguments)
    : arguments_(std::move(arguments)), port_(free_port()), directory_(new_directory()) {
    start();
}

TorcProcess::~TorcProcess() {
    kill();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
    std::filesystem::remove(directory_.string() + ".output", ignored);
}

void TorcProcess::start() {
    const char* program = std::getenv("TORC_SERVER");
    if (program == nullptr) throw std::runtime_error("TORC_SERVER does not name the server to test");
    std::vector<std::string> words{program, "--port", std::to_string(port_), "--dir", directory_.string()};
    words.insert(words.end(), arguments_.begin(), arguments_.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::string output = directory_.string() + ".output";

    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(127);
        const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
        ::dup2(file, STDOUT_FILENO);
        ::dup2(file, STDERR_FILENO);
        ::execvp(argv[0], argv.data());
        ::_exit(127);
    }
    wait_until_ready();
}

void TorcProcess::wait_until_ready() {
    for (int i = 0; i < kStartPolls; ++i) {
        if (!alive()) throw std::runtime_error("the server ended at its start: " + last_output());
        const ContextPtr context = connect_to(port_);
        if (context != nullptr && ask_text(context.get(), {"PING"}) == "PONG") return;
        std::this_thread::sleep_for(kPollInterval);
    }
    throw std::runtime_error("the server does not answer PING: " + last_output());
}

bool TorcProcess::alive() {
    if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
    return pid_ > 0;
}

void TorcProcess::kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
}

int TorcProcess::terminate() {
    ::kill(pid_, SIGTERM);
    for (int i = 0; i < kStopPolls; ++i) {
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) == pid_) {
            pid_ = -1;
            return status;
        }
        std::this_thread::sleep_for(kPollInterval);
    }
    return -1;
}

std::string TorcProcess::last_output() const {
    std::ifstream file(directory_.string() + ".output", std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    return text.size() > 2000 ? text.substr(text.size() - 2000) : text;
}

ContextPtr connect_to(int port) {
    const timeval limit{5, 0};
    ContextPtr context(redisConnectWithTimeout("127.0.0.1", port, limit));
    if (context == nullptr || context->err != 0) return nullptr;
    redisSetTimeout(context.get(), timeval{60, 0});
    return context;
}

ReplyPtr ask(redisContext* context, const std::vector<std::string>& words) {
    std::vector<const char*> data;
    std::vector<size_t> sizes;
    for (const std::string& word : words) {
        data.push_back(word.data());
        sizes.push_back(word.size());
    }
    return ReplyPtr(static_cast<redisReply*>(
        redisCommandArgv(context, static_cast<int>(words.size()), data.data(), sizes.data())));
}

std::string text_of(const redisReply* reply) {
    if (reply == nullptr) return "(broken)";
    switch (reply->type) {
        case REDIS_REPLY_NIL:
            return "(nil)";
        case REDIS_REPLY_INTEGER:
            return std::to_string(reply->integer);
        case REDIS_REPLY_ARRAY: {
            std::string out = "[";
            for (size_t i = 0; i < reply->elements; ++i)
                out += (i > 0 ? ", " : "") + text_of(reply->element[i]);
            return out + "]";
        }
        default:
            return {reply->str, static_cast<size_t>(reply->len)};
    }
}

std::string ask_text(redisContext* context, const std::vector<std::string>& words) {
    return text_of(ask(context, words).get());
}

}  // namespace torc::testing

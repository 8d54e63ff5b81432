// A server process for tests: own port, own data directory, both kept over kill and restart.
#pragma once

#include <hiredis/hiredis.h>
#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace torc::testing {

class TorcProcess {
  public:
    /// Starts the program that the environment variable TORC_SERVER names and waits until it answers PING.
    /// Throws std::runtime_error if it does not.
    explicit TorcProcess(std::vector<std::string> arguments = {});
    ~TorcProcess();
    TorcProcess(const TorcProcess&) = delete;
    TorcProcess& operator=(const TorcProcess&) = delete;

    int port() const { return port_; }
    pid_t pid() const { return pid_; }
    bool alive();

    /// kill -9.
    void kill();
    /// Starts again on the same port and directory.
    void start();
    /// SIGTERM; the exit status once it is gone, -1 if that takes more than ten seconds.
    int terminate();

  private:
    void wait_until_ready();
    std::string last_output() const;

    std::vector<std::string> arguments_;
    int port_;
    pid_t pid_ = -1;
    std::filesystem::path directory_;
};

struct ContextDeleter {
    void operator()(redisContext* context) const { redisFree(context); }
};
struct ReplyDeleter {
    void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using ContextPtr = std::unique_ptr<redisContext, ContextDeleter>;
using ReplyPtr = std::unique_ptr<redisReply, ReplyDeleter>;

/// Null when the connection cannot be made.
ContextPtr connect_to(int port);

/// The reply, or null when the connection broke.
ReplyPtr ask(redisContext* context, const std::vector<std::string>& words);

/// One line for EXPECT_EQ: the text or number, "(nil)", "[a, b]" or "(broken)".
std::string text_of(const redisReply* reply);
std::string ask_text(redisContext* context, const std::vector<std::string>& words);

}  // namespace torc::testing

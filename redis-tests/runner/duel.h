// Plays a case on two servers in lockstep: every step is sent to both, and the replies are compared before
// the next step is sent.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "case_file.h"
#include "connection.h"
#include "reply.h"
#include "server_process.h"

namespace redis_tests {

/// One step whose replies were not the same.
struct Mismatch {
    const Case* played = nullptr;
    const Step* step = nullptr;
    int proto = 2;
    Reply reference, tested;  // as received
};

class Duel {
  public:
    /// Both servers must outlive the duel.
    Duel(ServerProcess& reference, ServerProcess& tested, std::chrono::milliseconds timeout);

    /// Empties both servers, plays all steps on new connections, returns what differed (only the first one if
    /// asked). Throws Unplayable when a server is gone.
    std::vector<Mismatch> play(const Case& played, int proto, bool stop_at_first);

  private:
    static constexpr size_t kServers = 2;  // 0 is the reference
    using Replies = std::array<Reply, kServers>;
    using Pair = std::array<std::unique_ptr<Connection>, kServers>;

    /// By the connection that the case begins with: one of its own, closed by then, might still be counted.
    void flush_both(const std::string& name, int proto);
    /// A server learns of a closed connection in its own time; until then CLIENT LIST and KILL would count it.
    void await_goodbyes(ServerProcess& server, Connection& control);
    Pair& connection(const std::string& name, int proto);
    Reply ask(Connection& connection, const std::vector<std::string>& words);
    std::vector<Replies> run(const Step& step, Pair& pair);
    Replies wait_for(const Step& step, Pair& pair);
    Replies transfer(const Step& step, Pair& pair);
    Reply scan(const Step& step, Connection& connection);

    std::array<ServerProcess*, kServers> servers_;
    std::chrono::milliseconds timeout_;
    std::map<std::string, Pair> connections_;
};

}  // namespace redis_tests

// The whole server: a node, its I/O threads, its background threads and its listening sockets.
//
//   main thread    accepts connections, takes signals
//   torc-io-N      EventLoop: all commands
//   torc-bus       ControlLoop: the cluster bus' port and control lane; only with cluster-enabled
//   torc-loader, torc-sync, torc-maintain, torc-disk    whatever blocks on the disk
//
// The end comes in an order in which nothing calls into what is gone: no new connections, control loop,
// loops, disk pool, background threads, sessions, then Node::shutdown().
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "server/asio.h"

namespace torc {

class Background;
class Config;
class ControlLoop;
class DiskPool;
class EventLoop;
class Listener;
class Node;
class PidFile;
struct ClientState;

class Server {
  public:
    explicit Server(Config& config);
    ~Server();

    /// Takes the data directory and the sockets.
    Result<void> open();
    /// Loads and serves until SIGTERM, SIGINT, SHUTDOWN or an error. Returns the process' exit code.
    int run();

  private:
    void await_signal();
    void accept(int fd, std::unique_ptr<ClientState> state);
    Result<void> open_bus();
    Result<void> open_doors();
    void await_doors();
    Result<void> watch_directives();
    void fit_open_files();
    void on_loaded(const Result<void>& result);
    void request_stop();
    int stop();

    Config& config_;
    asio::io_context context_;  // the main thread's
    asio::signal_set signals_;
    LoopTimer doors_timer_;
    bool doors_open_ = false;
    std::unique_ptr<Node> node_;
    std::unique_ptr<DiskPool> disk_pool_;
    std::unique_ptr<ControlLoop> control_loop_;  // null without a cluster
    std::vector<std::unique_ptr<EventLoop>> loops_;
    std::vector<std::thread> threads_;
    std::thread control_thread_;
    std::unique_ptr<Background> background_;
    std::unique_ptr<Listener> listener_;
    std::unique_ptr<PidFile> pid_file_;
    int64_t load_began_ns_ = 0;
    std::atomic<bool> load_failed_{false};
    bool failed_ = false;  // to listen
};

}  // namespace torc

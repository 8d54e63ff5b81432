#include "server/server.h"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <random>
#include <sstream>

#include <sys/socket.h>
#include <unistd.h>

#include "base/config.h"
#include "base/disk.h"
#include "base/log.h"
#include "base/time.h"
#include "base/version.h"
#include "node/node.h"
#include "server/background.h"
#include "server/control_loop.h"
#include "server/disk_pool.h"
#include "server/event_loop.h"
#include "server/listener.h"
#include "server/process.h"

namespace torc {
namespace {

/// Cold reads that may be under way at once.
constexpr unsigned kDiskThreads = 8;
constexpr std::chrono::milliseconds kDoorsWait{20};
/// Where the bus port is unless `cluster-port` says otherwise, as with Redis Cluster.
constexpr int kBusPortOffset = 10000;

std::vector<std::string> words(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> result;
    for (std::string word; stream >> word;) result.push_back(word);
    return result;
}

uint64_t random_seed() {
    std::random_device device;
    return static_cast<uint64_t>(device()) << 32 | device();
}

Listener::Options listener_options(const Config& config) {
    Listener::Options options;
    options.bind = words(config.text("bind"));
    options.port = std::atoi(config.text("port").c_str());
    options.backlog = std::atoi(config.text("tcp-backlog").c_str());
    options.unix_path = config.text("unixsocket");
    options.unix_permissions =
        static_cast<unsigned>(std::strtoul(config.text("unixsocketperm").c_str(), nullptr, 8));
    return options;
}

/// On the addresses that clients use too.
Result<Listener::Options> bus_options(const Config& config) {
    Listener::Options options;
    options.bind = words(config.text("bind"));
    options.backlog = std::atoi(config.text("tcp-backlog").c_str());
    options.port_directive = "cluster-port";
    options.port = std::atoi(config.text("cluster-port").c_str());
    const int client_port = std::atoi(config.text("port").c_str());
    if (options.port == 0 && client_port != 0) options.port = client_port + kBusPortOffset;
    if (options.port == 0 || options.port > 65535)
        return fail(ErrorKind::invalid,
                    fmt::format("cluster-enabled needs a port for the bus: `port` + {} is none here. Set "
                                "`cluster-port`",
                                kBusPortOffset));
    return options;
}

}  // namespace

Server::Server(Config& config)
    : config_(config), context_(1), signals_(context_), doors_timer_(context_.get_executor()) {}

Server::~Server() = default;

Result<void> Server::open() {
    log_notice("Torc {} starting: pid {}, {} I/O threads, configuration {}", kTorcVersion, ::getpid(),
               config_.live.io_threads.load(),
               config_.file_path().empty() ? "built in (no file given)" : config_.file_path());
    std::signal(SIGPIPE, SIG_IGN);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) signals_.add(signal);
    await_signal();  // run() hears of it: files and sockets that are taken until then are given back
    fit_open_files();
    node_ = std::make_unique<Node>(
        config_, Node::Environment{posix_disk(), system_clock(), random_seed(), [this] { request_stop(); }});
    if (auto opened = node_->open(); !opened) return opened;
    log_notice("Data directory {}", config_.text("dir"));
    listener_ = std::make_unique<Listener>(
        context_, [this](int fd, std::unique_ptr<ClientState> state) { accept(fd, std::move(state)); },
        [this] {
            return static_cast<int>(config_.live.tcp_keepalive_seconds.load(std::memory_order_relaxed));
        });
    if (node_->serves_clients()) {
        if (auto opened = open_doors(); !opened) return opened;
    } else {
        log_notice("Clients are let in when the data is loaded and other nodes of the cluster are heard");
    }
    pid_file_ = std::make_unique<PidFile>(config_.text("pidfile"));
    disk_pool_ = std::make_unique<DiskPool>(kDiskThreads);
    if (auto opened = open_bus(); !opened) return opened;
    return watch_directives();
}

Result<void> Server::open_doors() {
    const Listener::Options options = listener_options(config_);
    if (auto opened = listener_->open(options); !opened) return opened;
    doors_open_ = true;
    if (options.port != 0) log_notice("Listening on port {} ({})", options.port, config_.text("bind"));
    if (!options.unix_path.empty()) log_notice("Listening on {}", options.unix_path);
    return {};
}

/// Looks again and again until clients may come in. What the node waits for has an end of its own.
void Server::await_doors() {
    if (!doors_open_ && node_->serves_clients()) {
        if (const auto opened = open_doors(); !opened) {
            log_warning("{}", opened.error().message);
            failed_ = true;
            return request_stop();
        }
    }
    if (doors_open_) return listener_->start();
    doors_timer_.expires_after(kDoorsWait);
    doors_timer_.async_wait([this](const IoError& error) {
        if (!error) await_doors();
    });
}

Result<void> Server::open_bus() {
    BusControl* control = node_->bus_control();
    if (control == nullptr) return {};
    const auto options = bus_options(config_);
    if (!options) return fail(options.error());
    control_loop_ =
        std::make_unique<ControlLoop>(*control, *disk_pool_, [this](unsigned lane, BusConnection connection) {
            loops_[lane % loops_.size()]->adopt_link(std::move(connection));
        });
    if (auto opened = control_loop_->open(*options); !opened) return opened;
    log_notice("Cluster bus on port {}", options->port);
    return {};
}

Result<void> Server::watch_directives() {
    config_.on_change("loglevel", [this]() -> Result<void> {
        set_log_level(log_level_named(config_.text("loglevel")).value_or(LogLevel::notice));
        return {};
    });
    config_.on_change("maxclients", [this]() -> Result<void> {
        const int64_t wanted = config_.live.maxclients.load();
        const int64_t possible = make_room_for_clients(wanted);
        if (possible >= wanted) return {};
        return fail(
            ErrorKind::refused,
            fmt::format("The operating system is not able to handle the specified number of clients, try "
                        "with {}",
                        possible));
    });
    return {};
}

void Server::fit_open_files() {
    const int64_t wanted = config_.live.maxclients.load();
    const int64_t possible = make_room_for_clients(wanted);
    if (possible >= wanted) return;
    config_.live.maxclients.store(possible);
    log_warning(
        "maxclients lowered from {} to {}: the limit on open files is too low. Raise it (ulimit -n, "
        "LimitNOFILE) or set maxclients",
        wanted, possible);
}

int Server::run() {
    const auto loops = static_cast<unsigned>(config_.live.io_threads.load());
    for (unsigned i = 0; i < loops; ++i) {
        loops_.push_back(std::make_unique<EventLoop>(*node_, *disk_pool_, i, loops, node_->bus_control()));
    }
    background_ =
        std::make_unique<Background>(*node_, [this](const Result<void>& result) { on_loaded(result); });
    for (const auto& loop : loops_) threads_.emplace_back([&loop = *loop] { loop.run(); });
    if (control_loop_) control_thread_ = std::thread([this] { control_loop_->run(); });
    load_began_ns_ = system_clock().monotonic_ns();
    background_->start();
    await_doors();
    context_.run();
    return stop();
}

void Server::on_loaded(const Result<void>& result) {
    if (result) {
        log_notice("Loaded in {:.3f} seconds",
                   static_cast<double>(system_clock().monotonic_ns() - load_began_ns_) / 1e9);
        log_notice("Ready to accept connections");
    } else {
        log_warning("Loading failed: {}", result.error().message);
        load_failed_ = true;
        request_stop();
    }
}

void Server::await_signal() {
    signals_.async_wait([this](const IoError& error, int signal) {
        if (error) return;
        if (signal == SIGHUP) {
            reopen_log();
            await_signal();
            return;
        }
        log_notice("{} received, shutting down", signal == SIGTERM ? "SIGTERM" : "SIGINT");
        context_.stop();
    });
}

void Server::request_stop() {
    asio::post(context_, [this] { context_.stop(); });
}

void Server::accept(int fd, std::unique_ptr<ClientState> state) {
    EventLoop* least = nullptr;
    int64_t open = 0;
    for (const auto& loop : loops_) {
        if (least == nullptr || loop->sessions() < least->sessions()) least = loop.get();
        open += static_cast<int64_t>(loop->sessions());
    }
    std::string refusal;
    bool welcome = node_->may_connect(state->local, refusal);
    // The node counts clients when a loop has taken them over; of a burst some are still on their way.
    if (welcome && open >= config_.live.maxclients.load(std::memory_order_relaxed)) {
        welcome = false;
        refusal = "-ERR max number of clients reached";
        node_->count_rejected_connection();
    }
    if (welcome) return least->adopt(fd, std::move(state));
    if (!refusal.ends_with("\r\n")) refusal += "\r\n";
    (void)::send(fd, refusal.data(), refusal.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::close(fd);
}

int Server::stop() {
    // A second signal finds the default action and ends the process at once.
    signals_.clear();
    listener_->close();
    if (node_->loading() && !load_failed_) {
        // Nothing was acknowledged yet, and loading can't be cut short: leaving now is a clean end.
        log_notice("Stopped while loading");
        pid_file_->remove();
        drain_log();
        std::_Exit(failed_ ? 1 : 0);
    }
    if (control_loop_) {
        control_loop_->stop();
        control_thread_.join();
        control_loop_->close();
    }
    for (const auto& loop : loops_) loop->stop();
    for (std::thread& thread : threads_) thread.join();
    disk_pool_->stop();
    background_->stop();
    for (const auto& loop : loops_) loop->close_sessions();
    loops_.clear();
    if (load_failed_ || failed_) return 1;
    const Result<void> ended = node_->shutdown();
    if (!ended) {
        log_warning("The end wasn't clean: {}", ended.error().message);
        return 1;
    }
    log_notice("Torc is now ready to exit, bye bye...");
    return 0;
}

}  // namespace torc

// One running node of the simulated cluster: a whole Node with one worker and its control plane, on a
// machine's disk and clock. Dropping the object is the death of the process: nothing is shut down, nothing is
// flushed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/config.h"
#include "node/client.h"
#include "node/node.h"
#include "node/worker.h"
#include "sim/sim_clock.h"
#include "sim/sim_disk.h"
#include "sim/sim_net.h"

namespace torc {

class ControlPlane;
class ClusterCore;

/// A client's connection to a process, as the process has it.
class SimSession final : public ClientPort {
  public:
    SimSession(SimLoop& loop, Worker& worker, uint64_t number, std::function<void(std::string)> received);
    ~SimSession() override;

    // ---- ClientPort
    void wake() override;
    void send() override;
    void close(bool now) override { (void)now, closed_ = true; }

    void input(std::string_view bytes);
    bool closed() const { return closed_; }

  private:
    SimLoop& loop_;
    std::function<void(std::string)> received_;
    bool closed_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    std::unique_ptr<Client> client_;
};

class SimProcess final : public SimStation {
  public:
    struct Setting {
        SimNet& net;
        SimDisk& disk;
        SimClock& clock;
        unsigned machine = 0;
        uint64_t random_seed = 0;
        std::vector<std::string> directives;
        SimLoop::Runner runner;                  // runs a turn now, or when the machine is thawed
        std::function<int64_t()> disk_delay_us;  // of one sync or read
        int64_t load_after_us = 0;
    };

    explicit SimProcess(Setting setting);
    ~SimProcess() override;

    /// Opens the directory and begins; the error when it can't.
    Result<void> start();
    /// A clean end.
    void shutdown();
    void set_silent_death() { silent_death_ = true; }

    // ---- SimStation
    BusIdentity identity() override { return node_->bus_control()->identity(); }
    SimLoop& loop(unsigned lane) override { return lane == 0 ? control_loop_ : data_loop_; }

    /// The machine stood still for longer than loops tolerate.
    void stood_still();
    /// Inside a turn of the data loop. The session lives as long as the process, or till disconnect().
    std::weak_ptr<SimSession> connect(std::function<void(std::string)> received);
    void disconnect(const std::shared_ptr<SimSession>& session) { std::erase(sessions_, session); }

    Node& node() { return *node_; }
    ControlPlane& control();
    ClusterCore& cluster();
    const std::shared_ptr<bool>& lives() const { return alive_; }

  private:
    void every(int64_t us, std::function<void()> what);
    void run(std::function<void()> what);
    void sync();

    Setting setting_;
    Config config_;
    std::unique_ptr<Node> node_;
    SimLoop control_loop_, data_loop_;
    std::unique_ptr<Worker> worker_;
    std::vector<std::shared_ptr<SimSession>> sessions_;
    uint64_t next_session_ = 1;
    bool sync_wanted_ = false;
    bool silent_death_ = false;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace torc

#include "node/node.h"

#include <algorithm>

#include "base/check.h"
#include "base/config_file.h"
#include "base/key_policy.h"
#include "base/log.h"
#include "base/rng.h"
#include "cluster/node_identity.h"
#include "engine/compaction.h"
#include "node/cell_loader.h"
#include "node/cluster_settings.h"
#include "node/control_plane.h"
#include "node/coordinator.h"
#include "node/dispatch.h"
#include "node/internal_commands.h"
#include "node/node_core.h"
#include "node/node_faces.h"
#include "node/worker_core.h"

namespace torc {
namespace {

constexpr int64_t kIdleWaitUs = 100'000;
constexpr int64_t kErrorWaitUs = 1'000'000;
constexpr unsigned kWarmBudget = 512;  // keys per step

unsigned stat_threads(const Config& config) {
    return static_cast<unsigned>(config.live.io_threads.load());
}

}  // namespace

NodeCore::NodeCore(Config& configuration, Node::Environment env)
    : config(configuration),
      environment(std::move(env)),
      command_stats(CommandTable::instance().all(), stat_threads(configuration)),
      exec_spec(CommandTable::instance().find("exec")),
      reset_spec(CommandTable::instance().find("reset")),
      select_spec(CommandTable::instance().find("select")),
      watch_spec(CommandTable::instance().find("watch")),
      wait_spec(CommandTable::instance().find("wait")),
      waitaof_spec(CommandTable::instance().find("waitaof")),
      with_spec(CommandTable::instance().find("torc.with")),
      faces(std::make_unique<NodeFaces>(*this)) {
    started_ms = environment.clock.wall_ms();
}

NodeCore::~NodeCore() = default;

void NodeCore::log_progressed() {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    std::lock_guard guard(workers_mutex);
    for (WorkerCore* worker : workers)
        if (worker->waiting_count.load(std::memory_order_relaxed) != 0 &&
            !worker->progress_posted.exchange(true))
            worker->host.post([worker] { worker->release_waiting(); });
}

void NodeCore::apply_memory_policy() {
    const LiveSettings& live = config.live;
    store->set_memory_policy(static_cast<uint64_t>(live.maxmemory_bytes.load()),
                             static_cast<MaxmemoryPolicy>(live.maxmemory_policy.load()),
                             static_cast<unsigned>(live.maxmemory_samples.load()),
                             static_cast<unsigned>(live.lfu_log_factor.load()),
                             static_cast<unsigned>(live.lfu_decay_time_minutes.load()));
}

CompactionLimits NodeCore::compaction_limits() const {
    return {static_cast<uint64_t>(config.live.segment_bytes.load()),
            static_cast<uint64_t>(config.live.compaction_max_space_percent.load()),
            static_cast<uint64_t>(config.live.compaction_rate_bytes_per_second.load())};
}

uint64_t NodeCore::total_changes() const {
    std::lock_guard guard(workers_mutex);
    uint64_t changes = 0;
    for (const WorkerCore* worker : workers) changes += worker->counters.changes.load();
    return changes;
}

Node::Node(Config& config, Environment environment)
    : core_(std::make_unique<NodeCore>(config, std::move(environment))) {}
Node::~Node() = default;

Result<void> Node::open() {
    const LiveSettings& live = core_->config.live;
    Store::Options options;
    options.directory = core_->config.text("dir");
    options.databases = static_cast<unsigned>(live.databases.load());
    options.log_enabled = live.appendonly.load();
    options.log.segment_bytes = static_cast<uint64_t>(live.segment_bytes.load());
    options.log.buffer_bytes = static_cast<uint64_t>(live.log_buffer_bytes.load());
    options.random_seed = core_->environment.random_seed;
    auto store = Store::open(core_->environment.disk, core_->environment.clock, options);
    if (!store) return fail(store.error());
    core_->store = std::move(*store);
    core_->apply_memory_policy();
    for (const char* name :
         {"maxmemory", "maxmemory-policy", "maxmemory-samples", "lfu-log-factor", "lfu-decay-time"})
        core_->config.on_change(name, [core = core_.get()]() -> Result<void> {
            core->apply_memory_policy();
            return {};
        });
    core_->config.on_change("appendonly", [core = core_.get()] { return core->set_log_enabled(); });
    return core_->open_cluster();
}

Result<void> NodeCore::open_cluster() {
    const std::string directory = config.text("dir");
    if (!config.live.cluster_enabled.load()) {
        if (environment.disk.exists(directory + "/" + std::string(kNodeFileName)))
            return fail(ErrorKind::refused,
                        "The data in " + directory +
                            " belongs to a cluster's node: start it with cluster-enabled yes");
        return {};
    }
    Rng entropy(environment.random_seed);
    const auto identity = open_node_identity(environment.disk, directory, entropy.next());
    if (!identity) return fail(identity.error());
    auto settings = cluster_settings(config);
    if (!settings) return fail(settings.error());
    settings->self.id = identity->node;
    settings->random_seed = entropy.next();
    cluster = std::make_unique<ClusterCore>(identity->node, identity->actor, settings->self.datacenter);
    config.on_change("key-policy", [this] { return apply_key_policies(); });
    if (auto applied = apply_key_policies(); !applied) return applied;
    control =
        std::make_unique<ControlPlane>(*cluster, environment.disk, environment.clock, std::move(*settings));
    return control->open();
}

Result<void> NodeCore::apply_key_policies() {
    const auto words = split_config_words(config.text("key-policy"));
    TORC_CHECK(words.has_value());
    auto policies = KeyPolicies::parse(*words);
    if (!policies) return fail(policies.error());
    cluster->set_key_policies(policies->empty() ? nullptr
                                                : std::make_shared<const KeyPolicies>(std::move(*policies)));
    return {};
}

Result<void> NodeCore::set_log_enabled() {
    if (loading.load()) return fail(ErrorKind::refused, "the data is still being loaded");
    // It locks every shard in its turn and waits for it; EXEC may hold some.
    if (inside_exec()) return fail(ErrorKind::refused, "not inside a transaction");
    return store->set_log_enabled(config.live.appendonly.load());
}

int64_t NodeCore::scrub_step() {
    const auto rate = config.live.scrub_bytes_per_second.load(std::memory_order_relaxed);
    const auto wait_us = scrubber->step(static_cast<uint64_t>(rate));
    if (wait_us) return std::min(*wait_us, kIdleWaitUs);
    log_warning("scrubbing: {}", wait_us.error().message);
    return kErrorWaitUs;
}

void NodeCore::restore_rotten(const std::string& key) {
    if (cluster == nullptr) return;
    std::lock_guard guard(workers_mutex);
    if (workers.empty()) return;
    WorkerCore* const worker = workers.front();
    worker->host.post([worker, key] {
        worker->coordinator->run_here(&kRelogCommand, {"relog", key}, {}, [](std::string_view) {});
    });
}

Result<void> Node::load() {
    const auto report = core_->store->load();
    if (!report) return fail(report.error());
    for (const std::string& message : report->messages) log_warning("{}", message);
    if (report->damaged_records != 0 || report->unreadable_ranges != 0)
        log_warning("{} damaged records and {} unreadable ranges in the data directory: run `torc check`",
                    report->damaged_records, report->unreadable_ranges);
    core_->store->log().on_progress([core = core_.get()] { core->log_progressed(); });
    core_->live_index = std::make_unique<StoreLiveIndex>(*core_->store);
    core_->compaction = std::make_unique<Compaction>(core_->store->segments(), core_->store->log(),
                                                     *core_->live_index, core_->environment.clock);
    core_->scrubber = std::make_unique<Scrubber>(
        core_->store->segments(), *core_->live_index, core_->environment.clock,
        [core = core_.get()](DbId, const std::string& key) { core->restore_rotten(key); });
    core_->loaded_keys = report->keys;
    if (core_->cluster != nullptr) {
        const auto cells = load_cells(*core_->store, *core_->cluster, core_->environment.clock.wall_ms());
        if (!cells) return fail(cells.error());
        if (cells->adopted != 0) log_notice("{} keys became the cluster's", cells->adopted);
        if (cells->damaged != 0)
            log_warning("{} keys can't be read; other replicas' copies will replace them", cells->damaged);
    }
    log_notice("{} keys found in {}", report->keys, core_->config.text("dir"));
    core_->loading.store(false, std::memory_order_release);
    if (core_->control != nullptr) core_->control->set_ready();
    return {};
}

bool Node::loading() const {
    return core_->loading.load(std::memory_order_acquire);
}

void Node::sync_step() {
    if (loading() || !core_->store->log_enabled()) return;
    Log& log = core_->store->log();
    if (log.state() != Log::State::ok) log.retry();
    log.flush();
    const auto policy = static_cast<AppendFsync>(core_->config.live.appendfsync.load());
    if (policy != AppendFsync::no || core_->sync_requested.exchange(false)) {
        if (const auto synced = log.sync(); !synced) log_warning("{}", synced.error().message);
    }
    core_->log_progressed();
}

void Node::on_sync_wanted(std::function<void()> wanted) {
    core_->sync_wanted = std::move(wanted);
}

void Node::on_maintenance_wanted(std::function<void()> wanted) {
    core_->maintenance_wanted = std::move(wanted);
}

int64_t Node::maintenance_step() {
    if (loading()) return kIdleWaitUs;
    core_->faces->backups().run_if_wanted();
    if (!core_->store->log_enabled()) return kIdleWaitUs;
    const bool sealing = core_->store->log().background_step();
    const auto step = core_->compaction->step(core_->compaction_limits());
    if (!step) {
        log_warning("compaction: {}", step.error().message);
        return kErrorWaitUs;
    }
    if (sealing) return 0;
    return step->idle ? core_->scrub_step() : step->wait_us;
}

bool Node::warm_step() {
    return !loading() && core_->store->warm_step(kWarmBudget);
}

Result<void> Node::shutdown() {
    if (core_->store == nullptr || loading()) return {};
    return core_->store->log().close();
}

BusControl* Node::bus_control() {
    return core_->control.get();
}

Config& Node::config() {
    return core_->config;
}
uint64_t Node::connected_clients() const {
    return core_->clients.size();
}

bool Node::serves_clients() const {
    if (core_->cluster == nullptr) return true;
    if (core_->cluster->topology()->ring->state().members.size() < 2) return true;
    return !loading() && core_->cluster->gathered();
}

bool Node::may_connect(bool local, std::string& refusal) {
    if (core_->clients.size() >= static_cast<uint64_t>(core_->config.live.maxclients.load())) {
        refusal = "-ERR max number of clients reached\r\n";
        count_rejected_connection();
        return false;
    }
    if (!local && core_->config.live.protected_mode.load() && core_->config.text("requirepass").empty()) {
        refusal =
            "-DENIED Torc runs in protected mode and no password is set for the default user: only "
            "connections from "
            "this machine are accepted. Set a password (requirepass), or, if the network is trusted, turn "
            "protected "
            "mode off (protected-mode no).\r\n";
        count_rejected_connection();
        return false;
    }
    return true;
}

void Node::count_rejected_connection() {
    core_->rejected_connections.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace torc

#include "server/background.h"

#include <chrono>

#include "node/node.h"
#include "server/thread_name.h"

namespace torc {
namespace {

constexpr std::chrono::seconds kSyncRhythm{1};

}  // namespace

Background::Background(Node& node, std::function<void(const Result<void>&)> loaded)
    : node_(node), loaded_(std::move(loaded)) {
    node_.on_sync_wanted([this] {
        {
            std::lock_guard lock(mutex_);
            if (sync_wanted_) return;
            sync_wanted_ = true;
        }
        changed_.notify_all();
    });
    node_.on_maintenance_wanted([this] {
        {
            std::lock_guard lock(mutex_);
            maintenance_wanted_ = true;
        }
        changed_.notify_all();
    });
}

Background::~Background() {
    stop();
    node_.on_sync_wanted([] {});
    node_.on_maintenance_wanted([] {});
}

void Background::start() {
    loader_ = std::thread([this] { load_and_warm(); });
}

void Background::stop() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    // The loader starts the other two, so it is joined first.
    for (std::thread* thread : {&loader_, &sync_, &maintenance_}) {
        if (thread->joinable()) thread->join();
    }
}

bool Background::stopping() {
    std::lock_guard lock(mutex_);
    return stopping_;
}

bool Background::pause(std::chrono::microseconds time) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, time, [this] { return stopping_ || maintenance_wanted_; });
    maintenance_wanted_ = false;
    return !stopping_;
}

void Background::load_and_warm() {
    name_this_thread("torc-loader");
    const Result<void> result = node_.load();
    if (result) {
        sync_ = std::thread([this] { sync_on_time(); });
        maintenance_ = std::thread([this] { maintain(); });
    }
    loaded_(result);
    if (!result) return;
    while (!stopping() && node_.warm_step()) {
    }
}

void Background::sync_on_time() {
    name_this_thread("torc-sync");
    for (;;) {
        {
            std::unique_lock lock(mutex_);
            changed_.wait_for(lock, kSyncRhythm, [this] { return stopping_ || sync_wanted_; });
            if (stopping_) return;  // Node::shutdown() syncs last
            // Lowered before the sync: who asks while it runs needs another one.
            sync_wanted_ = false;
        }
        node_.sync_step();
    }
}

void Background::maintain() {
    name_this_thread("torc-maintain");
    while (pause(std::chrono::microseconds(node_.maintenance_step()))) {
    }
}

}  // namespace torc

#include "sim/sim_disk.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace torc {

namespace {

std::vector<std::string> components(const std::string& path) {
    std::vector<std::string> parts;
    size_t begin = 0;
    while (begin <= path.size()) {
        const size_t end = std::min(path.find('/', begin), path.size());
        const std::string part = path.substr(begin, end - begin);
        if (!part.empty() && part != ".") parts.push_back(part);
        begin = end + 1;
    }
    return parts;
}

std::unexpected<Error> missing(const std::string& path) {
    return fail(ErrorKind::not_found, path + ": no such file or directory");
}

}  // namespace

class SimDisk::OpenFile final : public File {
  public:
    OpenFile(SimDisk& disk, NodePtr node, std::string path, bool writable)
        : disk_(disk),
          node_(std::move(node)),
          path_(std::move(path)),
          writable_(writable),
          generation_(disk.generation_) {}

    Result<void> write_at(uint64_t offset, std::span<const std::string_view> pieces) override {
        std::lock_guard lock(disk_.mutex_);
        if (auto alive = check(true); !alive) return alive;
        std::string bytes;
        for (const auto piece : pieces) bytes.append(piece);
        auto begun = disk_.begin_operation(fmt::format("write {} {}+{}", path_, offset, bytes.size()), path_);
        if (!begun) {
            // Some of the bytes may have gone through before the device, or the process, gave up.
            if (disk_.rng_.one_in(2))
                bytes.resize(disk_.rng_.below(bytes.size() + 1));
            else
                bytes.clear();
            const bool died_earlier = disk_.stopped_ && disk_.operations_ > disk_.stop_at_;
            if (!died_earlier) node_->file.write(offset, bytes);
            return begun;
        }
        const uint64_t used = disk_.used_bytes_locked();
        const uint64_t size = node_->file.visible().size();
        const uint64_t growth = offset + bytes.size() > size ? offset + bytes.size() - size : 0;
        const uint64_t room = disk_.capacity_ > used ? disk_.capacity_ - used : 0;
        if (growth > room) {
            const uint64_t cut = growth - room;
            bytes.resize(bytes.size() > cut ? bytes.size() - cut : 0);
            node_->file.write(offset, bytes);
            return fail(ErrorKind::no_space, path_ + ": no space left on device");
        }
        node_->file.write(offset, bytes);
        return {};
    }

    Result<size_t> read_at(uint64_t offset, std::span<char> into) const override {
        std::lock_guard lock(disk_.mutex_);
        if (auto alive = check(false); !alive) return fail(alive.error());
        if (auto begun = disk_.begin_read("read", path_); !begun) return fail(begun.error());
        const std::string& bytes = node_->file.visible();
        if (offset >= bytes.size()) return 0;
        const size_t count = std::min<size_t>(into.size(), bytes.size() - offset);
        std::memcpy(into.data(), bytes.data() + offset, count);
        return count;
    }

    Result<void> sync() override {
        std::lock_guard lock(disk_.mutex_);
        if (auto alive = check(false); !alive) return alive;
        if (auto begun = disk_.begin_operation("sync " + path_, path_); !begun) {
            if (!disk_.stopped_) node_->file.fail_sync(disk_.failed_sync_reverts_);
            return begun;
        }
        node_->file.sync();
        return {};
    }

    Result<void> truncate(uint64_t size) override {
        std::lock_guard lock(disk_.mutex_);
        if (auto alive = check(true); !alive) return alive;
        if (auto begun = disk_.begin_operation(fmt::format("truncate {} {}", path_, size), path_); !begun)
            return begun;
        node_->file.truncate(size);
        return {};
    }

    Result<uint64_t> size() const override {
        std::lock_guard lock(disk_.mutex_);
        if (auto alive = check(false); !alive) return fail(alive.error());
        return node_->file.visible().size();
    }

  private:
    Result<void> check(bool for_writing) const {
        if (generation_ != disk_.generation_) return fail(ErrorKind::io, path_ + ": the process is dead");
        if (for_writing && !writable_) return fail(ErrorKind::invalid, path_ + ": opened for reading");
        return {};
    }

    SimDisk& disk_;
    NodePtr node_;
    std::string path_;
    bool writable_;
    uint64_t generation_;
};

class SimDisk::HeldLock final : public DirectoryLock {
  public:
    HeldLock(SimDisk& disk, std::string path)
        : disk_(disk), path_(std::move(path)), generation_(disk.generation_) {}
    ~HeldLock() override {
        std::lock_guard lock(disk_.mutex_);
        if (generation_ == disk_.generation_) disk_.locks_.erase(path_);
    }

  private:
    SimDisk& disk_;
    std::string path_;
    uint64_t generation_;
};

SimDisk::SimDisk(uint64_t seed) : root_(std::make_shared<Node>()), rng_(seed) {
    root_->is_directory = true;
}
SimDisk::~SimDisk() = default;

// ---- names

SimDisk::NodePtr SimDisk::find(const std::string& path) const {
    NodePtr node = root_;
    for (const auto& part : components(path)) {
        const auto it = node->names.find(part);
        if (it == node->names.end()) return nullptr;
        node = it->second;
    }
    return node;
}

SimDisk::NodePtr SimDisk::parent(const std::string& path, std::string& name) const {
    const auto parts = components(path);
    if (parts.empty()) return nullptr;
    name = parts.back();
    NodePtr node = root_;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
        const auto it = node->names.find(parts[i]);
        if (it == node->names.end()) return nullptr;
        node = it->second;
    }
    return node->is_directory ? node : nullptr;
}

void SimDisk::change_name(const NodePtr& directory, const std::string& name, const NodePtr& node,
                          uint64_t group) {
    if (node)
        directory->names[name] = node;
    else
        directory->names.erase(name);
    directory->unsynced.push_back({group, name, node});
}

Result<std::unique_ptr<File>> SimDisk::create(const std::string& path) {
    std::lock_guard lock(mutex_);
    if (auto begun = begin_operation("create " + path, path); !begun) return fail(begun.error());
    std::string name;
    const NodePtr directory = parent(path, name);
    if (!directory) return missing(path);
    if (directory->names.contains(name)) return fail(ErrorKind::exists, path + ": file exists");
    auto node = std::make_shared<Node>();
    change_name(directory, name, node, ++groups_);
    return std::make_unique<OpenFile>(*this, node, path, true);
}

Result<std::unique_ptr<File>> SimDisk::open(const std::string& path, bool writable) {
    std::lock_guard lock(mutex_);
    if (auto begun = begin_read("open", path); !begun) return fail(begun.error());
    const NodePtr node = find(path);
    if (!node) return missing(path);
    if (node->is_directory) return fail(ErrorKind::io, path + ": is a directory");
    return std::make_unique<OpenFile>(*this, node, path, writable);
}

Result<void> SimDisk::remove(const std::string& path) {
    std::lock_guard lock(mutex_);
    if (auto begun = begin_operation("remove " + path, path); !begun) return begun;
    std::string name;
    const NodePtr directory = parent(path, name);
    if (!directory || !directory->names.contains(name)) return missing(path);
    if (!directory->names[name]->names.empty()) return fail(ErrorKind::io, path + ": directory not empty");
    change_name(directory, name, nullptr, ++groups_);
    return {};
}

Result<void> SimDisk::rename(const std::string& from, const std::string& to) {
    std::lock_guard lock(mutex_);
    if (auto begun = begin_operation("rename " + from + " " + to, from); !begun) return begun;
    std::string from_name;
    std::string to_name;
    const NodePtr source = parent(from, from_name);
    const NodePtr target = parent(to, to_name);
    if (!source || !source->names.contains(from_name)) return missing(from);
    if (!target) return missing(to);
    const NodePtr node = source->names[from_name];
    if (const auto it = target->names.find(to_name); it != target->names.end()) {
        if (it->second->is_directory && !it->second->names.empty())
            return fail(ErrorKind::exists, to + ": directory not empty");
    }
    const uint64_t group = ++groups_;
    change_name(source, from_name, nullptr, group);
    change_name(target, to_name, node, group);
    return {};
}

Result<void> SimDisk::hard_link(const std::string& existing, const std::string& link) {
    std::lock_guard lock(mutex_);
    if (auto begun = begin_operation("link " + existing + " " + link, link); !begun) return begun;
    const NodePtr node = find(existing);
    std::string name;
    const NodePtr directory = parent(link, name);
    if (!node || node->is_directory) return missing(existing);
    if (!directory) return missing(link);
    if (directory->names.contains(name)) return fail(ErrorKind::exists, link + ": file exists");
    change_name(directory, name, node, ++groups_);
    return {};
}

Result<std::vector<std::string>> SimDisk::list(const std::string& directory) {
    std::lock_guard lock(mutex_);
    if (auto begun = begin_read("list", directory); !begun) return fail(begun.error());
    const NodePtr node = find(directory);
    if (!node || !node->is_directory) return missing(directory);
    std::vector<std::string> names;
    for (const auto& [name, child] : node->names) names.push_back(name);
    return names;
}

Result<void> SimDisk::make_directory(const std::string& path) {
    std::lock_guard lock(mutex_);
    if (auto begun = begin_operation("mkdir " + path, path); !begun) return begun;
    NodePtr node = root_;
    for (const auto& part : components(path)) {
        auto& child = node->names[part];
        if (!child) {
            child = std::make_shared<Node>();
            child->is_directory = true;
            node->durable_names[part] = child;
        }
        if (!child->is_directory) return fail(ErrorKind::exists, path + ": not a directory");
        node = child;
    }
    return {};
}

Result<void> SimDisk::sync_directory(const std::string& path) {
    std::lock_guard lock(mutex_);
    if (auto begun = begin_operation("sync_directory " + path, path); !begun) return begun;
    const NodePtr node = find(path);
    if (!node || !node->is_directory) return missing(path);
    node->durable_names = node->names;
    node->unsynced.clear();
    return {};
}

bool SimDisk::exists(const std::string& path) {
    std::lock_guard lock(mutex_);
    return find(path) != nullptr;
}

Result<std::unique_ptr<DirectoryLock>> SimDisk::lock_directory(const std::string& path) {
    std::lock_guard lock(mutex_);
    const NodePtr node = find(path);
    if (!node || !node->is_directory) return missing(path);
    if (!locks_.insert(path).second) return fail(ErrorKind::busy, path + ": in use by another process");
    return std::make_unique<HeldLock>(*this, path);
}

Result<uint64_t> SimDisk::free_bytes(const std::string&) {
    std::lock_guard lock(mutex_);
    const uint64_t used = used_bytes_locked();
    return capacity_ > used ? capacity_ - used : 0;
}

std::string SimDisk::boot_id() {
    std::lock_guard lock(mutex_);
    return fmt::format("boot-{}", boots_);
}

// ---- deaths

void SimDisk::rise() {
    ++generation_;
    locks_.clear();
    stopped_ = false;
    stop_at_ = 0;
    fault_ = {};
    read_fault_ = {};
}

void SimDisk::crash() {
    std::lock_guard lock(mutex_);
    rise();
}

void SimDisk::power_loss(uint64_t seed) {
    std::lock_guard lock(mutex_);
    Rng rng(seed);
    const uint64_t mode = rng.below(3);
    const uint64_t journaled = rng.below(groups_ + 1);
    std::map<uint64_t, bool> fate;
    lose_names(root_, [&](uint64_t group) {
        if (mode == 0) return false;
        if (mode == 1) return group <= journaled;
        const auto [it, first] = fate.try_emplace(group, false);
        if (first) it->second = rng.one_in(2);
        return it->second;
    });
    std::set<const Node*> done;
    lose_files(root_, rng, done);
    ++boots_;
    rise();
}

void SimDisk::lose_names(const NodePtr& directory, const std::function<bool(uint64_t)>& survives) {
    for (const auto& change : directory->unsynced) {
        if (!survives(change.group)) continue;
        if (change.node)
            directory->durable_names[change.name] = change.node;
        else
            directory->durable_names.erase(change.name);
    }
    directory->unsynced.clear();
    directory->names = directory->durable_names;
    for (const auto& [name, child] : directory->names)
        if (child->is_directory) lose_names(child, survives);
}

void SimDisk::lose_files(const NodePtr& directory, Rng& rng, std::set<const Node*>& done) {
    for (const auto& [name, child] : directory->names) {
        if (!done.insert(child.get()).second) continue;
        if (child->is_directory)
            lose_files(child, rng, done);
        else
            child->file.lose_power(rng);
    }
}

// ---- faults

void SimDisk::note(const std::string& line) {
    operation_log_.push_back(line);
}

Result<void> SimDisk::strike(Fault& fault, uint64_t number, const std::string& what,
                             const std::string& path) {
    if (fault.at == 0 || number < fault.at || (number > fault.at && !fault.sticky)) return {};
    note("failed: " + what);
    const char* text = fault.kind == ErrorKind::no_space ? "no space left on device" : "input/output error";
    return fail(fault.kind, fmt::format("{}: {}", path, text));
}

Result<void> SimDisk::begin_operation(const std::string& what, const std::string& path) {
    ++operations_;
    if (stop_at_ != 0 && operations_ >= stop_at_) {
        stopped_ = true;
        return fail(ErrorKind::io, path + ": the process is dead");
    }
    if (auto struck = strike(fault_, operations_, what, path); !struck) return struck;
    note(what);
    return {};
}

Result<void> SimDisk::begin_read(const std::string& what, const std::string& path) {
    if (onlooking_) return {};
    ++read_operations_;
    if (stopped_) return fail(ErrorKind::io, path + ": the process is dead");
    return strike(read_fault_, read_operations_, what, path);
}

void SimDisk::fail_at(uint64_t operation, ErrorKind kind, bool sticky) {
    std::lock_guard lock(mutex_);
    fault_ = {operation, kind, sticky};
}

void SimDisk::fail_read_at(uint64_t operation, ErrorKind kind, bool sticky) {
    std::lock_guard lock(mutex_);
    read_fault_ = {operation, kind, sticky};
}

void SimDisk::set_failed_sync_reverts(bool reverts) {
    std::lock_guard lock(mutex_);
    failed_sync_reverts_ = reverts;
}

void SimDisk::stop_at(uint64_t operation) {
    std::lock_guard lock(mutex_);
    stop_at_ = operation;
}

bool SimDisk::stopped() const {
    std::lock_guard lock(mutex_);
    return stopped_;
}

void SimDisk::clear_faults() {
    std::lock_guard lock(mutex_);
    fault_ = {};
    read_fault_ = {};
    capacity_ = UINT64_MAX;
}

void SimDisk::set_capacity(uint64_t bytes) {
    std::lock_guard lock(mutex_);
    capacity_ = bytes;
}

void SimDisk::flip_bit(const std::string& path, uint64_t offset, unsigned bit) {
    std::lock_guard lock(mutex_);
    const NodePtr node = find(path);
    TORC_CHECK(node != nullptr && !node->is_directory);
    node->file.flip_bit(offset, bit);
}

// ---- looking on

uint64_t SimDisk::operations() const {
    std::lock_guard lock(mutex_);
    return operations_;
}

void SimDisk::set_onlooking(bool on) {
    std::lock_guard lock(mutex_);
    onlooking_ = on;
}

uint64_t SimDisk::read_operations() const {
    std::lock_guard lock(mutex_);
    return read_operations_;
}

std::vector<std::string> SimDisk::operation_log() const {
    std::lock_guard lock(mutex_);
    return operation_log_;
}

void SimDisk::clear_operation_log() {
    std::lock_guard lock(mutex_);
    operation_log_.clear();
}

uint64_t SimDisk::used_bytes_locked() const {
    std::set<const Node*> counted;
    return used(root_, counted);
}

uint64_t SimDisk::used_bytes() const {
    std::lock_guard lock(mutex_);
    return used_bytes_locked();
}

uint64_t SimDisk::used(const NodePtr& directory, std::set<const Node*>& counted) const {
    uint64_t bytes = 0;
    for (const auto& [name, child] : directory->names) {
        if (!counted.insert(child.get()).second) continue;
        bytes += child->is_directory ? used(child, counted) : child->file.visible().size();
    }
    return bytes;
}

}  // namespace torc

#include "sim/sim_net.h"

#include <algorithm>
#include <charconv>

namespace torc {
namespace {

constexpr int64_t kFirstWaitUs = 50'000, kLongestWaitUs = 1'000'000;

/// -1: no machine has this address.
int machine_of(const Endpoint& endpoint) {
    constexpr std::string_view kPrefix = "10.0.0.";
    if (!endpoint.host.starts_with(kPrefix) || endpoint.port != SimNet::kBusPort) return -1;
    int last = 0;
    std::from_chars(endpoint.host.data() + kPrefix.size(), endpoint.host.data() + endpoint.host.size(), last);
    return last - 1;
}

}  // namespace

struct SimNet::Connection {
    /// One end of it.
    class End final : public BusLink {
      public:
        NodeId peer() const override { return peer_id; }
        bool dialled() const override { return side == 0; }
        std::string peer_host() const override { return host_of(connection->ends[1 - side].machine); }
        void send(std::string_view payload) override {
            if (up) net->transmit(connection->self.lock(), side, std::string(payload));
        }
        size_t queued_bytes() const override { return connection->ends[1 - side].waiting_bytes; }
        void reset() override {
            if (!up || resetting) return;
            resetting = true;
            loop->post([link = connection->self.lock(), at = side, to = loop] { to->link_down(link, at); });
        }

        SimNet* net = nullptr;
        Connection* connection = nullptr;
        int side = 0;
        NodeId peer_id = 0;
        unsigned machine = 0;
        SimLoop* loop = nullptr;
        std::weak_ptr<bool> loop_lives;
        SimLoop* live_loop() const { return loop_lives.expired() ? nullptr : loop; }
        bool up = false;  // announced, and not as down
        bool closed = false;
        bool resetting = false;
        std::deque<Packet> arriving;
        size_t waiting_bytes = 0;
        int64_t last_arrival_us = 0;
    };
    End ends[2];  // who dialled, who accepted
    unsigned lane = 0;
    std::weak_ptr<Connection> self;
};

void SimNet::set_station(unsigned machine, SimStation* station) {
    stations_[machine] = station;
}

SimStation* SimNet::station(unsigned machine) const {
    const auto at = stations_.find(machine);
    return at == stations_.end() ? nullptr : at->second;
}

bool SimNet::is_cut(unsigned from, unsigned to) const {
    const auto at = cuts_.find({from, to});
    return at != cuts_.end() && at->second;
}

void SimNet::cut(unsigned from, unsigned to, bool is_cut) {
    cuts_[{from, to}] = is_cut;
    if (is_cut) return;
    std::erase_if(connections_, [](const auto& weak) { return weak.expired(); });
    for (const auto& weak : connections_) {
        const auto link = weak.lock();
        for (const int side : {0, 1}) {
            if (link->ends[1 - side].machine != from || link->ends[side].machine != to) continue;
            if (link->ends[side].arriving.empty()) continue;
            // Some connections don't live through it; the others send again what was lost.
            if (rng_.one_in(2)) break_link(link);
            const int64_t again_us = events_.now_us() + 1000 + static_cast<int64_t>(rng_.below(200'000));
            for (Packet& packet : link->ends[side].arriving)
                packet.arrival_us = std::max(packet.arrival_us, again_us);
            link->ends[side].last_arrival_us = std::max(link->ends[side].last_arrival_us, again_us);
            events_.at(again_us, [this, link, side] { deliver(link, side); });
        }
    }
}

void SimNet::heal() {
    for (const auto& [pair, was_cut] : std::map(cuts_))
        if (was_cut) cut(pair.first, pair.second, false);
    clogs_.clear();
    loss_one_in_ = 0;
}

void SimNet::break_some_link() {
    std::erase_if(connections_, [](const auto& weak) { return weak.expired(); });
    if (connections_.empty()) return;
    const auto link = connections_[rng_.below(connections_.size())].lock();
    if (link == nullptr) return;
    break_link(link);
}

void SimNet::break_link(const std::shared_ptr<Connection>& link) {
    for (const int side : {0, 1}) {
        link->ends[side].arriving.clear();
        link->ends[side].waiting_bytes = 0;
        push(link, side, {0, {}, true});
    }
}

int64_t SimNet::delay_us(unsigned from, unsigned to) {
    int64_t us = 100 + static_cast<int64_t>(rng_.below(400));
    if (rng_.one_in(50)) us += static_cast<int64_t>(rng_.below(5'000));
    if (loss_one_in_ != 0 && rng_.one_in(loss_one_in_)) {
        us += 200'000;
        if (rng_.one_in(loss_one_in_)) us += 400'000;
    }
    if (const auto clog = clogs_.find({from, to}); clog != clogs_.end()) us += clog->second;
    return us;
}

void SimNet::connect(SimLoop& from, const Endpoint& to, NodeId expected, std::function<void(bool)> ended) {
    const int target = machine_of(to);
    const unsigned here = from.machine();
    const unsigned lane = from.lane();
    if (target < 0 || static_cast<unsigned>(target) == here)
        return events_.after(1000, [ended] { ended(false); });
    const auto there = static_cast<unsigned>(target);
    const int64_t us = delay_us(here, there) + delay_us(there, here);
    events_.after(us, [this, alive = from.lives(), here, there, lane, expected, ended = std::move(ended)] {
        if (alive.expired()) return;  // a process that is started meanwhile didn't dial
        SimStation* const dialler = station(here);
        SimStation* const acceptor = station(there);
        const bool reached = !is_cut(here, there) && !is_cut(there, here);
        if (!reached || dialler == nullptr || acceptor == nullptr) return ended(false);
        const BusIdentity ours = dialler->identity(), theirs = acceptor->identity();
        const bool strangers =
            ours.cluster_id != 0 && theirs.cluster_id != 0 && ours.cluster_id != theirs.cluster_id;
        if (ours.secret != theirs.secret || theirs.id == ours.id || (lane != 0 && strangers) ||
            (expected != 0 && theirs.id != expected))
            return ended(false);
        auto link = std::make_shared<Connection>();
        link->self = link;
        link->lane = lane;
        for (const int side : {0, 1}) {
            Connection::End& end = link->ends[side];
            end.net = this;
            end.connection = link.get();
            end.side = side;
            end.peer_id = side == 0 ? theirs.id : ours.id;
            end.machine = side == 0 ? here : there;
            end.loop = side == 0 ? &dialler->loop(lane) : &acceptor->loop(lane);
            end.loop_lives = end.loop->lives();
        }
        connections_.push_back(link);
        SimLoop* const first = link->ends[0].loop;
        SimLoop* const second = link->ends[1].loop;
        second->post([second, link] { second->link_up(link, 1); });
        first->post([first, link] { first->link_up(link, 0); });
        ended(true);
    });
}

void SimNet::transmit(const std::shared_ptr<Connection>& link, int side, std::string frame) {
    Connection::End& sender = link->ends[side];
    const Connection::End& receiver = link->ends[1 - side];
    if (watcher != nullptr && link->lane == 1) watcher->on_sent(sender.machine, receiver.machine, frame);
    if (!receiver.closed) return push(link, 1 - side, {0, std::move(frame), false});
    // A machine that is back knows nothing of the connections it had, and says so to who uses them.
    if (station(receiver.machine) == nullptr || is_cut(sender.machine, receiver.machine) ||
        is_cut(receiver.machine, sender.machine))
        return;
    events_.after(delay_us(sender.machine, receiver.machine), [link, side] {
        SimLoop* const loop = link->ends[side].live_loop();
        if (loop != nullptr) loop->post([loop, link, side] { loop->link_down(link, side); });
    });
}

void SimNet::push(const std::shared_ptr<Connection>& link, int to_side, Packet packet) {
    Connection::End& end = link->ends[to_side];
    if (end.closed) return;
    const int64_t us = events_.now_us() + delay_us(link->ends[1 - to_side].machine, end.machine);
    packet.arrival_us = end.last_arrival_us = std::max(us, end.last_arrival_us);
    end.waiting_bytes += packet.frame.size();
    end.arriving.push_back(std::move(packet));
    events_.at(end.last_arrival_us, [this, link, to_side] { deliver(link, to_side); });
}

void SimNet::deliver(const std::shared_ptr<Connection>& link, int to_side) {
    Connection::End& end = link->ends[to_side];
    if (is_cut(link->ends[1 - to_side].machine, end.machine)) return;  // comes after the healing
    while (!end.arriving.empty() && end.arriving.front().arrival_us <= events_.now_us()) {
        Packet packet = std::move(end.arriving.front());
        end.arriving.pop_front();
        end.waiting_bytes -= packet.frame.size();
        SimLoop* const loop = end.live_loop();
        if (loop == nullptr) return close(link, to_side, false);
        if (packet.end) {
            loop->post([loop, link, to_side] { loop->link_down(link, to_side); });
            continue;
        }
        ++frames_;
        loop->post([loop, link, to_side, frame = std::move(packet.frame)] {
            loop->link_frame(link, to_side, frame);
        });
    }
}

void SimNet::close(const std::shared_ptr<Connection>& link, int side, bool silently) {
    Connection::End& end = link->ends[side];
    if (end.closed) return;
    end.closed = true;
    end.arriving.clear();
    end.waiting_bytes = 0;
    Connection::End& other = link->ends[1 - side];
    if (other.closed) return;
    if (silently) {
        // A dead machine says nothing. What was on the wire comes yet; the end shows when the peer's
        // keepalive finds out.
        other.last_arrival_us = std::max(
            other.last_arrival_us, events_.now_us() + 500'000 + static_cast<int64_t>(rng_.below(5'000'000)));
    }
    push(link, 1 - side, {0, {}, true});
}

// ---- loops

SimLoop::SimLoop(SimNet& net, unsigned machine, unsigned lane, Runner runner)
    : net_(net), machine_(machine), lane_(lane), runner_(std::move(runner)) {}

SimLoop::~SimLoop() {
    die(false);
}

void SimLoop::post(std::function<void()> task) {
    tasks_.push_back(std::move(task));
    want_turn();
}

void SimLoop::run_blocking(std::function<void()> task) {
    const int64_t us = disk_delay_us ? disk_delay_us() : 100;
    net_.events().after(us, [alive = std::weak_ptr(alive_), this, task = std::move(task)] {
        if (alive.expired()) return;
        runner_([alive, this, task] {
            if (alive.expired()) return;
            task();
            post([] {});
        });
    });
}

void SimLoop::want_turn() {
    if (std::exchange(turn_wanted_, true)) return;
    // A loop needs a moment to wake up.
    net_.events().after(5, [alive = std::weak_ptr(alive_), this] {
        if (alive.expired()) return;
        runner_([alive, this] {
            if (!alive.expired()) turn();
        });
    });
}

void SimLoop::turn() {
    turn_wanted_ = false;
    if (begin_turn_) begin_turn_();
    for (size_t n = tasks_.size(); n-- > 0 && !tasks_.empty();) {
        const auto task = std::move(tasks_.front());
        tasks_.pop_front();
        task();
    }
    if (end_turn_) end_turn_();
    if (!tasks_.empty()) want_turn();
}

void SimLoop::keep_link(NodeId peer, const Endpoint& bus) {
    const auto [at, fresh] = kept_.try_emplace(peer);
    at->second.bus = bus;
    if (fresh) redial(peer);
}

void SimLoop::drop_link(NodeId peer) {
    kept_.erase(peer);
    if (const auto at = links_.find({peer, true}); at != links_.end()) at->second->ends[0].reset();
}

void SimLoop::dial(const Endpoint& bus) {
    net_.connect(*this, bus, 0, [](bool) {});
}

void SimLoop::redial(NodeId peer) {
    const auto at = kept_.find(peer);
    if (at == kept_.end() || at->second.dialling || links_.contains({peer, true})) return;
    at->second.dialling = true;
    net_.connect(*this, at->second.bus, peer, [this, peer, alive = std::weak_ptr(alive_)](bool good) {
        if (alive.expired()) return;
        const auto kept = kept_.find(peer);
        if (kept == kept_.end()) return;
        kept->second.dialling = false;
        if (good) {
            kept->second.wait_us = 0;
            return;
        }
        int64_t& wait_us = kept->second.wait_us;
        wait_us = std::clamp(wait_us * 2, kFirstWaitUs, kLongestWaitUs);
        const int64_t us =
            wait_us / 2 + static_cast<int64_t>(net_.rng().below(static_cast<uint64_t>(wait_us / 2)));
        kept->second.dialling = true;
        net_.events().after(us, [this, peer, alive] {
            if (alive.expired()) return;
            if (const auto again = kept_.find(peer); again != kept_.end()) again->second.dialling = false;
            redial(peer);
        });
    });
}

void SimLoop::link_up(const std::shared_ptr<SimNet::Connection>& link, int side) {
    auto& end = link->ends[side];
    if (end.closed || end.resetting) return;
    const std::pair key(end.peer_id, side == 0);
    // Of two the newer stays: the peer made it because the older one is of no use to it.
    if (const auto old = std::exchange(links_[key], link)) link_down(old, side);
    end.up = true;
    user_->on_link_up(end);
}

void SimLoop::link_frame(const std::shared_ptr<SimNet::Connection>& link, int side,
                         const std::string& frame) {
    auto& end = link->ends[side];
    if (!end.up || end.resetting) return;
    if (net_.watcher != nullptr && lane_ == 1)
        net_.watcher->on_received(link->ends[1 - side].machine, machine_, frame);
    user_->on_frame(end, frame);
}

void SimLoop::link_down(const std::shared_ptr<SimNet::Connection>& link, int side) {
    auto& end = link->ends[side];
    if (end.closed) return;
    net_.close(link, side, false);
    if (std::exchange(end.up, false)) {
        const std::pair key(end.peer_id, side == 0);
        if (const auto at = links_.find(key); at != links_.end() && at->second == link) links_.erase(at);
        user_->on_link_down(end);
    }
    if (side == 0) redial(end.peer_id);
}

void SimLoop::reset_all() {
    for (const auto& [key, link] : std::map(links_)) link_down(link, key.second ? 0 : 1);
}

void SimLoop::die(bool silently) {
    if (alive_ == nullptr) return;
    alive_ = nullptr;
    tasks_.clear();
    kept_.clear();
    for (const auto& [key, link] : std::map(links_)) {
        auto& end = link->ends[key.second ? 0 : 1];
        net_.close(link, end.side, silently);
        end.up = false;
    }
    links_.clear();
}

}  // namespace torc

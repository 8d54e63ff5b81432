#include "server/bus_links.h"

#include <algorithm>

#include "base/check.h"

namespace torc {

BusLinks::BusLinks(BusLoop& loop, BusCounters& counters) : loop_(loop), counters_(counters) {}

BusLinks::~BusLinks() = default;

void BusLinks::add(BusConnection connection, const std::function<void(TcpBusLink&)>& before_start) {
    for (const auto& link : links_) {
        if (link->peer() != connection.peer || link->lane() != connection.lane ||
            link->dialled() != connection.dialled || link->broken())
            continue;
        counters_.links_replaced.fetch_add(1, std::memory_order_relaxed);
        link->break_off("replaced by a newer one");
    }
    announce_broken();  // the old one is down before the new one is up
    links_.push_back(std::make_unique<TcpBusLink>(*this, std::move(connection)));
    TcpBusLink& link = *links_.back();
    if (before_start) before_start(link);
    user_->on_link_up(link);
    link.start();
}

TcpBusLink* BusLinks::dialled_to(NodeId peer) const {
    for (const auto& link : links_)
        if (link->dialled() && link->peer() == peer && !link->broken()) return link.get();
    return nullptr;
}

void BusLinks::reset_all(std::string_view reason) {
    for (const auto& link : links_) link->break_off(std::string(reason));
    announce_broken();
}

void BusLinks::on_broken(TcpBusLink& link) {
    broken_.push_back(&link);
    if (announcement_posted_) return;
    announcement_posted_ = true;
    asio::post(loop_.context(), [this] {
        loop_.enter_turn();
        announcement_posted_ = false;
        announce_broken();
    });
}

void BusLinks::announce_broken() {
    // Users may reset further links: those come on top.
    while (!broken_.empty()) {
        TcpBusLink* link = broken_.back();
        broken_.pop_back();
        user_->on_link_down(*link);
        if (on_down_) on_down_(*link);
        const auto place = std::ranges::find(links_, link, &std::unique_ptr<TcpBusLink>::get);
        TORC_CHECK(place != links_.end());
        ended_.push_back(std::move(*place));
        links_.erase(place);
    }
}

void BusLinks::end_turn() {
    // A write that fails breaks its link, which adds to neither list.
    for (TcpBusLink* link : flushing_) link->flush();
    flushing_.clear();
    for (TcpBusLink* link : reading_on_) link->read_on();
    reading_on_.clear();
    if (!ended_.empty())
        std::erase_if(ended_, [](const std::unique_ptr<TcpBusLink>& link) { return link->at_rest(); });
}

}  // namespace torc

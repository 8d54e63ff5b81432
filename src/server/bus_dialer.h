// Who makes links of one lane: to each node that was named by keep_link() one, again and again with jittered
// backoff as long as it fails; and once to an address that somebody named by dial().
//
// The log gets one line when a link to a node comes up, one when it breaks, and one when dialling it fails
// for the first time since; not one per attempt.
//
// Thread rule: the loop's.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "node/bus.h"
#include "server/backoff.h"
#include "server/bus_greeting.h"
#include "server/bus_links.h"

namespace torc {

class TcpBusDialer final : public BusDialer {
  public:
    static constexpr Backoff::Time kFirstWait{50};
    static constexpr Backoff::Time kLongestWait{2000};
    /// Addresses that dial() is busy with at once; further ones are not dialled.
    static constexpr size_t kMaxContacts = 64;

    /// `lane`: what its links carry.
    TcpBusDialer(BusLinks& links, BusIdentitySource identity, BusLane lane);
    ~TcpBusDialer() override;

    void keep_link(NodeId peer, const Endpoint& bus) override;
    void drop_link(NodeId peer) override;
    void dial(const Endpoint& bus) override;

    void on_link_down(TcpBusLink& link);
    /// Attempts that are under way fail; those to nodes are repeated.
    void reset_attempts(std::string_view reason);
    /// For good: nothing is dialled any more.
    void stop();

  private:
    struct Target;
    struct Contact;

    void attempt(Target& target);
    void on_attempt(Target& target, BusGreeting::Outcome outcome);
    void on_contact(Contact& contact, BusGreeting::Outcome outcome);
    void retry_later(Target& target);
    void say_failed(Target& target, const std::string& failure);
    void take(BusConnection connection);

    BusLinks& links_;
    const BusIdentitySource identity_;
    const BusLane lane_;
    bool stopped_ = false;
    std::map<NodeId, std::unique_ptr<Target>> targets_;
    std::vector<std::unique_ptr<Contact>> contacts_;
    /// What dialling an address ended with when it was last said; only failures.
    std::map<std::string, std::string> said_;
};

}  // namespace torc

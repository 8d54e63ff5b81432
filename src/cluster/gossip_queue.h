// News on its way to everybody: each piece is sent to as many members as it takes to reach all with high
// probability (a few times log2 of their number), piggybacked on whatever is sent, the least sent first.
// A newer piece about the same thing replaces the older.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>

#include "cluster/membership_message.h"

namespace torc {

class GossipQueue {
  public:
    void add(const MemberUpdate& update);
    /// Drops all that was said of `id`.
    void forget(NodeId id);
    /// Drops accusations of `id` in an incarnation before `incarnation`.
    void refuted(NodeId id, uint64_t incarnation);
    /// Appends pieces to `message` while it stays within `limit` bytes; counts each as sent once. `members`
    /// is how many there are to reach.
    void fill(std::string& message, size_t limit, size_t members);

    bool empty() const { return news_.empty(); }
    size_t size() const { return news_.size(); }

  private:
    struct Topic {
        NodeId subject = 0;
        MemberUpdate::Kind kind = MemberUpdate::Kind::facts;
        NodeId voter = 0;  // votes of several are several pieces
        auto operator<=>(const Topic&) const = default;
    };
    struct News {
        uint64_t incarnation = 0;
        std::string bytes;
        unsigned sent = 0;
    };

    std::map<Topic, News> news_;
};

}  // namespace torc

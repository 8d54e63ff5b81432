// One command that was split over several nodes or slots: collects the parts' replies and puts them together
// in the order of the question. Not atomic across slots, as docs/COMMANDS.md says of each such command.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "node/reply_queue.h"

namespace torc {

enum class GatherKind : uint8_t {
    elements,  // arrays, their elements put back at their places (MGET)
    sum,       // integers (DEL, EXISTS, DBSIZE ...)
    ok,        // all +OK (MSET, FLUSHALL)
    together,  // arrays of names, each name once (KEYS)
    any,       // one that isn't null, by chance (RANDOMKEY)
    least,     // integers, or arrays of as many: the least of each (WAIT)
};

class Gather : public std::enable_shared_from_this<Gather> {
  public:
    Gather(GatherKind kind, bool resp3, ReplyTicket ticket)
        : kind_(kind), resp3_(resp3), ticket_(std::move(ticket)) {}

    /// A part is expected; `places`: where its elements belong. Returns its number. All before the first
    /// part().
    size_t expect(std::vector<size_t> places = {});
    void seed(uint64_t random) { rng_ = Rng(random); }
    /// When the last is in, the ticket gets the whole. An error of any part is the whole's.
    void part(size_t number, std::string_view reply);

  private:
    std::string combine() const;
    std::string null() const { return resp3_ ? "_\r\n" : "$-1\r\n"; }

    struct Part {
        std::vector<size_t> places;
        std::string reply;
        bool here = false;
    };
    const GatherKind kind_;
    const bool resp3_;
    const ReplyTicket ticket_;
    std::vector<Part> parts_;
    size_t missing_ = 0;
    mutable Rng rng_{1};
};

/// The elements of a RESP array of bulk strings, nulls and integers, each as its own bytes; nothing when it's
/// none.
bool split_array(std::string_view reply, std::vector<std::string_view>& elements);

}  // namespace torc

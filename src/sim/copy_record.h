// All that one machine's copy of one key has ever been, as an onlooker has it: what it covered, what of that
// its log holds, and since when there has been a copy.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "repl/cell_codec.h"
#include "repl/dot.h"

namespace torc {

class CopyRecord {
  public:
    /// The process has begun: what it has is looked at anew.
    void begin();
    /// Is there anything to look at? `lsn`: of the shard's last change.
    bool changed(Lsn lsn) const { return lsn != looked_ || !known_; }
    /// The copy as it is now.
    void found(std::string_view bytes, const Cell& cell, Lsn lsn);
    bool is(std::string_view bytes) const { return present_ && bytes_ == bytes; }
    /// There is one, on disk only. It's looked at again: it may be read any moment.
    void hidden() { hidden_ = true; }
    /// There's none. Was there one in this process's life? `clock`: its stamps so far.
    enum class Gone : uint8_t { no, from_disk, from_memory };
    Gone missing(Stamp clock, Lsn lsn);
    /// There's nothing to see before the shard has another LSN.
    bool is_done_with(Lsn lsn) const { return !changed(lsn) && pending_.empty(); }
    /// Has anything been found that wasn't in the log at the last logged()?
    bool waits_for_log() const { return !pending_.empty(); }
    /// The log holds everything up to here for good.
    void logged(Lsn lsn);

    bool ever_covered(const Dot& dot) const { return seen_.covers(dot); }
    bool ever_logged(const Dot& dot) const { return logged_.covers(dot); }
    /// What the copy covers, or covered last.
    const Context& context() const { return context_; }
    /// Every write of this process to the copy as it stands has a higher stamp and birth; 0: not known.
    Stamp absent_at() const { return absent_at_; }

  private:
    struct Pending {
        Lsn lsn = 0;
        Context context;
    };
    bool known_ = false;    // looked at in this process's life
    bool present_ = false;  // at the last look
    bool hidden_ = false;   // likewise
    Lsn looked_ = 0;
    Stamp absent_at_ = 0;
    std::string bytes_;
    Context context_;
    Context seen_, logged_;
    std::vector<Pending> pending_;  // seen and not logged yet, in LSN order
};

}  // namespace torc

// A command's words as MONITOR and SLOWLOG may show them: without passwords.
#pragma once

#include <string_view>
#include <vector>

#include "commands/args.h"
#include "commands/command.h"

namespace torc {

class ShownWords {
  public:
    /// `args` must outlive it.
    ShownWords(const CommandSpec& spec, Args args);
    operator Args() const { return copy_.empty() ? args_ : Args(copy_); }

  private:
    void hide(size_t from, size_t count);

    Args args_;
    std::vector<std::string_view> copy_;  // once there's something to hide
};

}  // namespace torc

// Makes a failing sequence as short as it gets: no line can be taken out of the result, and no word at the
// end of a line, without the failure going away. (Delta debugging: Zeller and Hildebrandt, 2002.)
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace redis_tests {

using Lines = std::vector<std::string>;

/// `fails` must hold for `lines`; it is called many times.
Lines shrink(Lines lines, const std::function<bool(const Lines&)>& fails);

}  // namespace redis_tests

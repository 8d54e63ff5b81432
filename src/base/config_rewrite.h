// CONFIG REWRITE as a function from text to text: comments, blank lines and order stay; a line whose
// directive has another value now is replaced where it stands; directives that changed and have no line are
// appended below a marker.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/directive.h"

namespace torc {

/// `value_of` gives a directive's present canonical value, `default_of` the one it has without any line.
std::string rewrite_config(std::string_view file,
                           const std::function<std::string(const Directive&)>& value_of,
                           const std::function<std::string(const Directive&)>& default_of);

}  // namespace torc

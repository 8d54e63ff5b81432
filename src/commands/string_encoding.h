// How Redis would hold a string: what OBJECT ENCODING and DEBUG OBJECT tell. Judged by the bytes alone: a
// string that Redis happens to keep as `raw` because APPEND or SETRANGE made it is told by its length here.
#pragma once

#include <string_view>

namespace torc {

/// "int", "embstr" or "raw".
std::string_view string_encoding(std::string_view bytes);

}  // namespace torc

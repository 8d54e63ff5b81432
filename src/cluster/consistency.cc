#include "cluster/consistency.h"

#include <string>

namespace torc {

std::optional<Consistency> consistency_named(std::string_view word) {
    std::string lower(word);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (lower == "one") return Consistency::one;
    if (lower == "quorum") return Consistency::quorum;
    if (lower == "all") return Consistency::all;
    if (lower == "local_quorum") return Consistency::local_quorum;
    if (lower == "each_quorum") return Consistency::each_quorum;
    return std::nullopt;
}

}  // namespace torc

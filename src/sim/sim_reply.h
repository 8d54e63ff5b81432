// Replies as the simulated clients read them (RESP2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace torc {

struct SimReply {
    char type = 0;  // '+', '-', ':', '$', '*'
    bool nil = false;
    std::string text;
    std::vector<SimReply> items;

    bool is_error(std::string_view code) const { return type == '-' && text.starts_with(code); }
    int64_t integer() const { return std::stoll(text); }
};

/// Bytes of the first whole reply in `bytes`; 0 when there's none yet.
size_t parse_reply(std::string_view bytes, SimReply& reply);

}  // namespace torc

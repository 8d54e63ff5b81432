#include "sim/sim_reply.h"

#include <cstdlib>

namespace torc {

size_t parse_reply(std::string_view bytes, SimReply& reply) {
    const size_t end = bytes.find("\r\n");
    if (end == std::string_view::npos) return 0;
    reply = {};
    reply.type = bytes[0];
    reply.text = bytes.substr(1, end - 1);
    size_t at = end + 2;
    if (reply.type != '$' && reply.type != '*') return at;
    const long count = std::atol(reply.text.c_str());
    reply.text.clear();
    if (count < 0) {
        reply.nil = true;
        return at;
    }
    const auto size = static_cast<size_t>(count);
    if (reply.type == '$') {
        if (bytes.size() < at + size + 2) return 0;
        reply.text = bytes.substr(at, size);
        return at + size + 2;
    }
    for (size_t i = 0; i < size; ++i) {
        SimReply item;
        const size_t used = parse_reply(bytes.substr(at), item);
        if (used == 0) return 0;
        at += used;
        reply.items.push_back(std::move(item));
    }
    return at;
}

}  // namespace torc

#include "key_owners.h"

#include <array>
#include <fstream>
#include <map>
#include <stdexcept>

#include "cluster/slots.h"
#include "load_client.h"

namespace bench {

std::vector<Owner> read_owners(const std::string& path, uint64_t keys) {
    std::ifstream file(path);
    std::array<int, 16384> ports{};
    size_t first = 0, last = 0;
    for (int port = 0; file >> first >> last >> port;)
        for (size_t slot = first; slot <= last && slot < ports.size(); ++slot) ports[slot] = port;
    std::map<int, Owner> owners;
    for (const int port : ports) {
        if (port == 0) throw std::runtime_error(path + " leaves slots without an owner");
        owners[port].port = port;
    }
    for (uint64_t number = 0; number < keys; ++number)
        owners[ports[torc::key_slot(key_of(number))]].numbers.push_back(static_cast<uint32_t>(number));
    std::vector<Owner> out;
    for (auto& [port, owner] : owners) {
        if (owner.numbers.empty()) throw std::runtime_error("too few keys: a node owns none");
        out.push_back(std::move(owner));
    }
    return out;
}

}  // namespace bench

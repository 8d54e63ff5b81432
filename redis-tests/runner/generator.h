// Random command sequences as case lines, from a seed. A small key space and values at the edges of what
// commands accept make the commands meet; a part of them is malformed on purpose.
//
// Nothing in a sequence depends on when it runs: keys expire in the distant future or in the past, and times
// that count from now are only read with a tolerance and outside of MULTI. Left out is what the two servers
// may answer differently: DBSIZE and RANDOMKEY (they see expired keys until those are reaped), and OBJECT
// ENCODING (see differences.txt).
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace redis_tests {

class Generator {
  public:
    explicit Generator(uint64_t seed) : random_(seed) {}

    /// Lines that parse_step() takes.
    std::vector<std::string> sequence(size_t commands);

  private:
    size_t below(size_t bound);
    bool chance(size_t one_in) { return below(one_in) == 0; }
    std::vector<std::string> filled(std::string_view form);
    std::string argument(char letter);
    void spoil(std::vector<std::string>& words);

    std::mt19937_64 random_;
};

}  // namespace redis_tests

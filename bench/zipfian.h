// Zipf-distributed ranks over a fixed number of items, in constant time per draw.
// (Gray et al., "Quickly generating billion-record synthetic databases", 1994; the generator of YCSB.)
#pragma once

#include <cmath>
#include <cstdint>
#include <random>

namespace bench {

class Zipfian {
  public:
    Zipfian(uint64_t items, double theta) : items_(items), theta_(theta) {
        zeta_ = 0;
        for (uint64_t i = 1; i <= items; ++i) zeta_ += 1.0 / std::pow(static_cast<double>(i), theta);
        const double zeta_two = 1.0 + std::pow(0.5, theta);
        alpha_ = 1.0 / (1.0 - theta);
        eta_ = (1.0 - std::pow(2.0 / static_cast<double>(items), 1.0 - theta)) / (1.0 - zeta_two / zeta_);
    }

    /// 0 is the most frequent rank.
    template <class Random>
    uint64_t operator()(Random& random) {
        const double u = std::uniform_real_distribution<double>()(random);
        const double uz = u * zeta_;
        if (uz < 1.0) return 0;
        if (uz < 1.0 + std::pow(0.5, theta_)) return 1;
        const double rank = static_cast<double>(items_) * std::pow(eta_ * u - eta_ + 1.0, alpha_);
        return rank < static_cast<double>(items_) ? static_cast<uint64_t>(rank) : items_ - 1;
    }

  private:
    uint64_t items_;
    double theta_, zeta_, alpha_, eta_;
};

}  // namespace bench

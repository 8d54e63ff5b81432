#include "tools/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace torc {

namespace {
constexpr int kWidth = 40;
}

ProgressBar::ProgressBar(std::string label)
    : label_(std::move(label)), terminal_(::isatty(STDERR_FILENO) == 1) {
    show(0);
}

ProgressBar::~ProgressBar() {
    if (terminal_) fmt::print(stderr, "\r\x1b[K");
}

void ProgressBar::show(double part) {
    const int permille = std::clamp(static_cast<int>(part * 1000), 0, 1000);
    if (!terminal_ || permille == shown_permille_) return;
    shown_permille_ = permille;
    const int filled = permille * kWidth / 1000;
    fmt::print(stderr, "\r{} [{:#<{}}{:.<{}}] {:3}%", label_, "", filled, "", kWidth - filled, permille / 10);
    std::fflush(stderr);
}

}  // namespace torc

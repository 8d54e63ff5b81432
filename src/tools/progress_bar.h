// A progress bar on a terminal; silence anywhere else.
#pragma once

#include <string>

namespace torc {

class ProgressBar {
  public:
    /// Draws on standard error, if that is a terminal.
    explicit ProgressBar(std::string label);
    /// Wipes the line.
    ~ProgressBar();
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    void show(double part);  // 0..1

  private:
    std::string label_;
    bool terminal_;
    int shown_permille_ = -1;
};

}  // namespace torc

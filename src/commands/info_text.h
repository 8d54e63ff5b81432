// The text of INFO and CLUSTER INFO: lines of name:value, in sections.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>

namespace torc {

class InfoText {
  public:
    void section(std::string_view title) {
        if (!text_.empty()) text_ += "\r\n";
        fmt::format_to(std::back_inserter(text_), "# {}\r\n", title);
    }
    template <class T>
    void field(std::string_view name, const T& value) {
        fmt::format_to(std::back_inserter(text_), "{}:{}\r\n", name, value);
    }
    void field(std::string_view name, bool value) { field(name, value ? 1 : 0); }
    template <class... Args>
    void field(std::string_view name, fmt::format_string<Args...> format, Args&&... args) {
        field(name, fmt::format(format, std::forward<Args>(args)...));
    }
    void bytes(std::string_view name, uint64_t value) {
        field(name, value);
        field(fmt::format("{}_human", name), human_bytes(value));
    }
    void zeros(std::initializer_list<std::string_view> names) {
        for (const std::string_view name : names) field(name, 0);
    }
    const std::string& text() const { return text_; }

    static std::string human_bytes(uint64_t value) {
        constexpr std::string_view kUnits = "BKMGTP";
        auto scaled = static_cast<double>(value);
        size_t unit = 0;
        for (; scaled >= 1024 && unit + 1 < kUnits.size(); ++unit) scaled /= 1024;
        return unit == 0 ? fmt::format("{}B", value) : fmt::format("{:.2f}{}", scaled, kUnits[unit]);
    }

  private:
    std::string text_;
};

}  // namespace torc

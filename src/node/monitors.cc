#include "node/monitors.h"

#include <fmt/format.h>

#include <algorithm>

#include "node/inbox.h"

namespace torc {
namespace {

void append_quoted(std::string& to, std::string_view bytes) {
    to.push_back('"');
    for (const char c : bytes) {
        switch (c) {
            case '\\':
                to += "\\\\";
                break;
            case '"':
                to += "\\\"";
                break;
            case '\n':
                to += "\\n";
                break;
            case '\r':
                to += "\\r";
                break;
            case '\t':
                to += "\\t";
                break;
            case '\a':
                to += "\\a";
                break;
            case '\b':
                to += "\\b";
                break;
            default:
                if (c >= 0x20 && c < 0x7f)
                    to.push_back(c);
                else
                    to += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        }
    }
    to.push_back('"');
}

}  // namespace

void Monitors::add(std::shared_ptr<Inbox> inbox) {
    std::lock_guard guard(mutex_);
    if (std::ranges::find(inboxes_, inbox) == inboxes_.end()) inboxes_.push_back(std::move(inbox));
    count_ = inboxes_.size();
}

void Monitors::remove(const Inbox* inbox) {
    std::lock_guard guard(mutex_);
    std::erase_if(inboxes_, [&](const auto& held) { return held.get() == inbox; });
    count_ = inboxes_.size();
}

void Monitors::feed(int64_t now_us, unsigned db, std::string_view source, Args args) {
    std::string line = fmt::format("+{}.{:06} [{} {}]", now_us / 1'000'000, now_us % 1'000'000, db, source);
    for (const std::string_view word : args) {
        line.push_back(' ');
        append_quoted(line, word);
    }
    line += "\r\n";
    std::lock_guard guard(mutex_);
    for (const auto& inbox : inboxes_) inbox->post(line);
}

}  // namespace torc

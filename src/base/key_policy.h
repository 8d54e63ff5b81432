// What the directive key-policy says of keys by their prefix, in place of what other directives say of all:
//
//   key-policy PREFIX [read=LEVEL] [write=LEVEL] [sloppy=yes|no] [strict=yes|no] [siblings=POLICY]
//                     [max-entry=MEMORY] [PREFIX ...]
//
// Thread rule: immutable once parsed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/consistency.h"
#include "base/result.h"

namespace torc {

struct KeyPolicy {
    std::string prefix;
    std::optional<Consistency> read, write;
    std::optional<bool> sloppy;  // as sloppy-quorum
    std::optional<SiblingPolicy> siblings;
    std::optional<int64_t> max_entry_bytes;
    /// A write is decided only by who has read the key from a majority of its owners, and stand-ins don't
    /// count.
    std::optional<bool> strict;
};

class KeyPolicies {
  public:
    static constexpr size_t kMost = 64;

    /// The error says which word is wrong. A prefix that's named twice has the later options besides the
    /// earlier ones.
    static Result<KeyPolicies> parse(std::span<const std::string> words);

    /// Of the longest prefix that the key begins with; null when it has none.
    const KeyPolicy* find(std::string_view key) const;
    bool empty() const { return policies_.empty(); }
    /// As parse() takes it, in one spelling.
    std::string text() const;

  private:
    std::vector<KeyPolicy> policies_;  // longer prefixes first
};

}  // namespace torc

// Commands as they stand in a forward (docs/PROTOCOL.md): for each the number of its words, then each word
// behind its length. One string, however many words: made once, sent as it is, and read in place.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/coding.h"

namespace torc {

class PackedCommands {
  public:
    template <class Words>
    void add(const Words& words) {
        size_t bytes = 4;
        for (const std::string_view word : words) bytes += 4 + word.size();
        bytes_.reserve(bytes_.size() + bytes);
        append_le<uint32_t>(bytes_, static_cast<uint32_t>(words.size()));
        for (const std::string_view word : words) {
            append_le<uint32_t>(bytes_, static_cast<uint32_t>(word.size()));
            bytes_.append(word);
        }
        ++count_;
        words_ += words.size();
    }
    void add(std::initializer_list<std::string_view> words) {
        add<std::initializer_list<std::string_view>>(words);
    }

    uint32_t count() const { return count_; }
    size_t words() const { return words_; }
    const std::string& bytes() const { return bytes_; }
    /// The name of the first command.
    std::string_view name() const { return word_at(4); }
    /// Views of all words; they live as long as this does.
    std::vector<std::vector<std::string_view>> views() const {
        std::vector<std::vector<std::string_view>> all(count_);
        size_t at = 0;
        for (auto& words : all) {
            const auto size = load_le<uint32_t>(bytes_.data() + at);
            at += 4;
            words.reserve(size);
            for (uint32_t i = 0; i < size; ++i) {
                words.push_back(word_at(at));
                at += 4 + words.back().size();
            }
        }
        return all;
    }

  private:
    std::string_view word_at(size_t at) const {
        return {bytes_.data() + at + 4, load_le<uint32_t>(bytes_.data() + at)};
    }

    std::string bytes_;
    uint32_t count_ = 0;
    size_t words_ = 0;  // of all
};

}  // namespace torc

#include "engine/hint_merge.h"

#include <algorithm>
#include <span>

namespace torc {
namespace {

using format::HintEntry;

constexpr size_t kMaxBufferBytes = 1 << 20;

/// The next entry of one input. `rank` decides nearly all comparisons without touching the entry.
struct Head {
    uint64_t rank = 0;
    const HintEntry* at = nullptr;
    const HintEntry* end = nullptr;
    uint32_t input = 0;
    HintReader* reader = nullptr;

    void update_rank() { rank = (static_cast<uint64_t>(at->slot) << 48) | (at->hash >> 16); }
};

bool head_less(const Head& a, const Head& b) {
    return a.rank != b.rank ? a.rank < b.rank : hint_less(*a.at, *b.at);
}

/// Restores the heap after its top changed.
void sift_down(std::vector<Head>& heap) {
    const Head moved = heap.front();
    size_t hole = 0;
    for (;;) {
        size_t child = 2 * hole + 1;
        if (child >= heap.size()) break;
        if (child + 1 < heap.size() && head_less(heap[child + 1], heap[child])) ++child;
        if (!head_less(heap[child], moved)) break;
        heap[hole] = heap[child];
        hole = child;
    }
    heap[hole] = moved;
}

Result<bool> refill(Head& head) {
    if (head.reader == nullptr) return false;
    const auto entries = head.reader->next();
    if (!entries) return fail(entries.error());
    if (entries->empty()) return false;
    head.at = entries->data();
    head.end = head.at + entries->size();
    return true;
}

bool same_key(const HintEntry& a, const HintEntry& b) {
    return a.hash == b.hash && a.hash2 == b.hash2 && a.slot == b.slot && a.db == b.db;
}

bool damaged(const HintEntry& entry) {
    return (entry.flags & format::kHintDamagedValue) != 0;
}

}  // namespace

Result<void> merge_hints(std::vector<HintInput>& inputs, size_t buffer_bytes,
                         const std::function<void(const HintEntry&, size_t)>& on_newest) {
    const size_t share = std::min(kMaxBufferBytes, buffer_bytes / std::max<size_t>(1, inputs.size()));
    std::vector<std::unique_ptr<HintReader>> readers(inputs.size());
    std::vector<Head> heap;
    for (size_t i = 0; i < inputs.size(); ++i) {
        Head head;
        head.input = static_cast<uint32_t>(i);
        if (inputs[i].file) {
            readers[i] = std::make_unique<HintReader>(*inputs[i].file, share);
            head.reader = readers[i].get();
            const auto more = refill(head);
            if (!more) return fail(more.error());
            if (!*more) continue;
        } else {
            if (inputs[i].memory.empty()) continue;
            head.at = inputs[i].memory.data();
            head.end = head.at + inputs[i].memory.size();
        }
        head.update_rank();
        heap.push_back(head);
    }
    // A sorted array is a heap.
    std::sort(heap.begin(), heap.end(), head_less);

    HintEntry newest{};
    size_t newest_input = 0;
    bool have = false;
    while (!heap.empty()) {
        Head& top = heap.front();
        const HintEntry& entry = *top.at;
        if (entry.slot == kNoSlot) break;  // all that follow, in every input, have no key
        if (have && same_key(newest, entry)) {
            if (entry.lsn > newest.lsn || (entry.lsn == newest.lsn && damaged(newest))) {
                newest = entry;
                newest_input = top.input;
            }
        } else {
            if (have) on_newest(newest, newest_input);
            newest = entry;
            newest_input = top.input;
            have = true;
        }
        if (++top.at == top.end) {
            const auto more = refill(top);
            if (!more) return fail(more.error());
            if (!*more) {
                top = heap.back();
                heap.pop_back();
                if (heap.empty()) break;
            }
        }
        heap.front().update_rank();
        sift_down(heap);
    }
    if (have) on_newest(newest, newest_input);
    return {};
}

}  // namespace torc

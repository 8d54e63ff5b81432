#include "engine/hint_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <tuple>

#include "base/crash_point.h"
#include "base/hash.h"

namespace torc {
namespace {

using format::HintBlock;
using format::HintEntry;
using format::HintHeader;
using format::kHintEntriesPerBlock;

constexpr size_t kBlocksPerWrite = 64;
constexpr size_t kCheckedBytes = offsetof(HintBlock, checksum);
static_assert(kCheckedBytes == offsetof(HintHeader, checksum));

template <class Block>
uint32_t block_checksum(const Block& block, uint64_t segment_id, uint64_t number) {
    return checksum32({reinterpret_cast<const char*>(&block), kCheckedBytes}, segment_id * 0x10001 + number);
}

template <class Block>
std::string_view bytes_of(const Block* blocks, size_t count) {
    return {reinterpret_cast<const char*>(blocks), count * sizeof(Block)};
}

uint64_t blocks_for(uint64_t entries) {
    return (entries + kHintEntriesPerBlock - 1) / kHintEntriesPerBlock;
}

/// The leading 64 bits of an entry's place in the order: slot, then the upper part of the hash.
uint64_t rank_of(SlotId slot, uint64_t hash) {
    return (static_cast<uint64_t>(slot) << 48) | (hash >> 16);
}

auto identity(const HintEntry& entry) {
    return std::tuple(entry.slot, entry.hash, entry.hash2);
}

HintHeader make_header(const HintSummary& summary, uint64_t directory_id) {
    HintHeader header{};
    std::memcpy(header.magic, format::kHintMagic, sizeof header.magic);
    header.version = format::kVersion;
    header.segment_id = summary.segment_id;
    header.directory_id = directory_id;
    header.entries = summary.entries;
    header.lowest_lsn = summary.lowest_lsn;
    header.highest_lsn = summary.highest_lsn;
    header.segment_bytes = summary.segment_bytes;
    header.checksum = block_checksum(header, summary.segment_id, 0);
    return header;
}

}  // namespace

bool has_hint_entry(format::RecordKind kind) {
    return kind != format::RecordKind::batch && kind != format::RecordKind::sync_mark;
}

uint64_t second_hash(std::string_view key, uint64_t hash_seed) {
    return hash64(key, hash_seed ^ format::kSecondHashSeed);
}

HintEntry hint_entry_for(const RecordView& record, uint64_t offset, uint64_t hash_seed) {
    HintEntry entry{};
    entry.lsn = record.lsn;
    entry.expire_at_ms = record.expire_at_ms;
    entry.offset = static_cast<uint32_t>(offset / format::kAlignment);
    entry.size = static_cast<uint32_t>(record.padded_size / format::kAlignment);
    entry.db = record.db;
    entry.kind = static_cast<uint8_t>(record.kind);
    entry.type = static_cast<uint8_t>(record.type);
    entry.flags = record.value_damaged ? format::kHintDamagedValue : 0;
    const bool keyless = record.kind == format::RecordKind::flush || record.kind == format::RecordKind::swap;
    entry.slot = keyless ? kNoSlot : record.slot;
    if (!keyless) {
        entry.hash = hash64(record.key, hash_seed);
        entry.hash2 = second_hash(record.key, hash_seed);
    } else if (record.value.size() == 2) {  // a swap: its two logical databases
        entry.db = static_cast<uint8_t>(record.value[0]);
        entry.type = static_cast<uint8_t>(record.value[1]);
    }
    return entry;
}

bool hint_less(const HintEntry& a, const HintEntry& b) {
    if (a.slot != b.slot) return a.slot < b.slot;
    if (a.hash != b.hash) return a.hash < b.hash;
    return std::tuple(a.hash2, a.db, a.lsn) < std::tuple(b.hash2, b.db, b.lsn);
}

void sort_hints(std::vector<HintEntry>& entries) {
    constexpr size_t kFewEntries = 1024;
    // A function's name would be called through a pointer.
    const auto less = [](const HintEntry& a, const HintEntry& b) { return hint_less(a, b); };
    if (entries.size() < kFewEntries) return std::sort(entries.begin(), entries.end(), less);
    // One pass distributes by slot; what then remains are short runs (or one long one, with hash tags).
    const auto bucket = [](const HintEntry& entry) { return std::min<size_t>(entry.slot, kSlots); };
    std::vector<size_t> starts(kSlots + 2);
    for (const HintEntry& entry : entries) ++starts[bucket(entry) + 1];
    for (size_t i = 1; i < starts.size(); ++i) starts[i] += starts[i - 1];
    std::vector<HintEntry> sorted(entries.size());
    std::vector<size_t> next(starts.begin(), starts.end() - 1);
    for (const HintEntry& entry : entries) sorted[next[bucket(entry)]++] = entry;
    for (size_t i = 0; i + 1 < starts.size(); ++i)
        std::sort(sorted.begin() + static_cast<ptrdiff_t>(starts[i]),
                  sorted.begin() + static_cast<ptrdiff_t>(starts[i + 1]), less);
    entries.swap(sorted);
}

Result<void> write_hint_file(Disk& disk, const std::string& path, const HintSummary& summary,
                             uint64_t directory_id, std::span<const HintEntry> entries) {
    if (disk.exists(path)) {
        if (auto removed = disk.remove(path); !removed) return removed;
    }
    auto file = disk.create(path);
    if (!file) return fail(file.error());
    TORC_CRASH_POINT("hint.before_write");
    HintSummary full = summary;
    full.entries = entries.size();
    const HintHeader header = make_header(full, directory_id);
    const std::string_view header_bytes = bytes_of(&header, 1);
    if (auto written = (*file)->write_at(0, {&header_bytes, 1}); !written) return written;

    std::vector<HintBlock> blocks;
    const uint64_t total = blocks_for(entries.size());
    for (uint64_t first = 0; first < total; first += kBlocksPerWrite) {
        blocks.assign(std::min<uint64_t>(kBlocksPerWrite, total - first), HintBlock{});
        for (size_t i = 0; i < blocks.size(); ++i) {
            const size_t from = (first + i) * kHintEntriesPerBlock;
            const size_t count = std::min<size_t>(kHintEntriesPerBlock, entries.size() - from);
            std::copy_n(entries.begin() + static_cast<ptrdiff_t>(from), count, blocks[i].entries);
            blocks[i].count = static_cast<uint32_t>(count);
            blocks[i].checksum = block_checksum(blocks[i], summary.segment_id, first + i + 1);
        }
        const std::string_view bytes = bytes_of(blocks.data(), blocks.size());
        if (auto written = (*file)->write_at((1 + first) * format::kHintBlock, {&bytes, 1}); !written)
            return written;
    }
    TORC_CRASH_POINT("hint.before_sync");
    auto synced = (*file)->sync();
    TORC_CRASH_POINT("hint.after_sync");
    return synced;
}

Result<std::unique_ptr<HintFile>> HintFile::open(Disk& disk, const std::string& path, uint64_t segment_id,
                                                 uint64_t directory_id) {
    auto file = disk.open(path, false);
    if (!file) return fail(file.error());
    HintHeader header{};
    const auto read = (*file)->read_at(0, {reinterpret_cast<char*>(&header), sizeof header});
    if (!read) return fail(read.error());
    if (*read < sizeof header || std::memcmp(header.magic, format::kHintMagic, sizeof header.magic) != 0 ||
        header.segment_id != segment_id || header.checksum != block_checksum(header, segment_id, 0))
        return fail(ErrorKind::corrupt, fmt::format("{}: the hint file's header is damaged", path));
    if (header.version > format::kVersion)
        return fail(ErrorKind::refused,
                    fmt::format("{}: format version {}, but this program reads up to {}; start the newer "
                                "program that wrote it, or remove the file: it is made again",
                                path, header.version, format::kVersion));
    if (header.directory_id != directory_id)
        return fail(ErrorKind::refused,
                    fmt::format("{}: belongs to another data directory; remove it: it is made again", path));
    const auto size = (*file)->size();
    if (!size) return fail(size.error());
    if (*size != (1 + blocks_for(header.entries)) * format::kHintBlock)
        return fail(ErrorKind::corrupt,
                    fmt::format("{}: the hint file has {} bytes, not what its header says", path, *size));
    const HintSummary summary{segment_id, header.entries, header.lowest_lsn, header.highest_lsn,
                              header.segment_bytes};
    return std::unique_ptr<HintFile>(new HintFile(std::move(*file), path, summary));
}

uint64_t HintFile::blocks() const {
    return blocks_for(summary_.entries);
}

Result<void> HintFile::read_blocks(uint64_t first, std::span<HintBlock> into) const {
    const uint64_t offset = (1 + first) * format::kHintBlock;
    const auto read = file_->read_at(offset, {reinterpret_cast<char*>(into.data()), into.size_bytes()});
    if (!read) return fail(read.error());
    const size_t whole = *read / format::kHintBlock;
    for (size_t i = 0; i < into.size(); ++i) {
        const uint64_t rest =
            summary_.entries - std::min(summary_.entries, (first + i) * kHintEntriesPerBlock);
        const uint64_t expected = std::min<uint64_t>(rest, kHintEntriesPerBlock);
        if (i >= whole || into[i].checksum != block_checksum(into[i], summary_.segment_id, first + i + 1) ||
            into[i].count != expected)
            return fail(ErrorKind::corrupt, fmt::format("{}: the block at offset {} is damaged", path_,
                                                        offset + i * format::kHintBlock));
    }
    return {};
}

Result<bool> HintFile::contains(SlotId slot, uint64_t hash, uint64_t hash2) const {
    constexpr int kGuesses = 4;  // then plain halving, whatever the keys look like
    const auto wanted = std::tuple(slot, hash, hash2);
    const uint64_t rank = rank_of(slot, hash);
    uint64_t low = 0, high = blocks();
    uint64_t low_rank = 0, high_rank = rank_of(kSlots, 0);
    HintBlock block;
    for (int step = 0; low < high; ++step) {
        uint64_t middle = low + (high - low) / 2;
        if (step < kGuesses && rank > low_rank && rank < high_rank) {
            const double share =
                static_cast<double>(rank - low_rank) / static_cast<double>(high_rank - low_rank);
            middle = std::min(high - 1, low + static_cast<uint64_t>(share * static_cast<double>(high - low)));
        }
        if (auto read = read_blocks(middle, {&block, 1}); !read) return fail(read.error());
        const HintEntry* first = block.entries;
        const HintEntry* last = block.entries + block.count - 1;
        if (wanted < identity(*first)) {
            high = middle;
            high_rank = rank_of(first->slot, first->hash);
        } else if (identity(*last) < wanted) {
            low = middle + 1;
            low_rank = rank_of(last->slot, last->hash);
        } else {
            return std::any_of(first, last + 1,
                               [&](const HintEntry& entry) { return identity(entry) == wanted; });
        }
    }
    return false;
}

HintReader::HintReader(const HintFile& file, size_t buffer_bytes)
    : file_(file),
      buffer_(
          std::clamp<uint64_t>(buffer_bytes / format::kHintBlock, 1, std::max<uint64_t>(1, file.blocks()))) {}

Result<std::span<const HintEntry>> HintReader::next() {
    if (at_ == loaded_) {
        const uint64_t left = file_.blocks() - next_block_;
        loaded_ = static_cast<size_t>(std::min<uint64_t>(buffer_.size(), left));
        at_ = 0;
        if (loaded_ == 0) return std::span<const HintEntry>{};
        if (auto read = file_.read_blocks(next_block_, {buffer_.data(), loaded_}); !read)
            return fail(read.error());
        next_block_ += loaded_;
    }
    const HintBlock& block = buffer_[at_++];
    return std::span<const HintEntry>(block.entries, block.count);
}

}  // namespace torc

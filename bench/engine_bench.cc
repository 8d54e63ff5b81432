// The engine alone, one thread, no sockets: finding and changing keys among 1 M of 16 bytes with values of
// 100 bytes, key by key and in batches of 64 with the three-step prefetch.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/disk.h"
#include "base/hash.h"
#include "base/rng.h"
#include "base/time.h"
#include "cluster/slots.h"
#include "engine/store.h"

namespace torc {
namespace {

constexpr size_t kKeys = 1'000'000;
constexpr size_t kBatch = 64;

struct Keys {
    explicit Keys(uint64_t seed) {
        for (size_t i = 0; i < kKeys; ++i) {
            names.push_back(fmt::format("key:{:012}", i));
            refs.push_back({{}, hash64(names.back(), seed), key_slot(names.back())});
        }
        for (size_t i = 0; i < kKeys; ++i) refs[i].bytes = names[i];
    }
    std::vector<std::string> names;
    std::vector<KeyRef> refs;
};

struct Loaded {
    static Loaded& get() {
        static Loaded loaded;
        return loaded;
    }
    Loaded() {
        std::string pattern = (std::filesystem::temp_directory_path() / "torc-bench-XXXXXX").string();
        directory = ::mkdtemp(pattern.data());
        Store::Options options;
        options.directory = directory;
        options.log_enabled = false;
        store = std::move(*Store::open(posix_disk(), system_clock(), options));
        (void)store->load();
        keys = std::make_unique<Keys>(store->hash_seed());
        for (const KeyRef& key : keys->refs) set(key);
    }
    ~Loaded() {
        store.reset();
        std::filesystem::remove_all(directory);
    }
    void set(const KeyRef& key) {
        ShardLock& lock = store->shard_lock(key.shard());
        if (!lock.try_lock()) return;
        store->begin(batch, 1'700'000'000'000);
        store->put(batch, 0, key, store->lookup(0, key).record, ValueType::string, value, kNoExpiry);
        store->commit(batch);
        lock.unlock();
    }
    void get_one(const KeyRef& key) {
        ShardLock& lock = store->shard_lock(key.shard());
        if (!lock.try_lock()) return;
        const Lookup found = store->lookup(0, key);
        store->touch(found.record, 1'700'000'000'000);
        const std::string_view bytes = found.record->value();
        benchmark::DoNotOptimize(bytes[0] + bytes[bytes.size() - 1]);
        lock.unlock();
    }
    std::string directory;
    std::unique_ptr<Store> store;
    std::unique_ptr<Keys> keys;
    WriteBatch batch;
    std::string value = std::string(100, 'v');
};

template <bool kPrefetch, bool kSet>
void run(benchmark::State& state) {
    Loaded& loaded = Loaded::get();
    Rng rng(1);
    const KeyRef* batch[kBatch];
    for (auto _ : state) {
        state.PauseTiming();
        for (auto& key : batch) key = &loaded.keys->refs[rng.below(kKeys)];
        // The keys' bytes come out of an input buffer, so they're in the cache.
        for (const auto* key : batch) benchmark::DoNotOptimize(key->bytes[15] + key->hash);
        state.ResumeTiming();
        if constexpr (kPrefetch) {
            for (const auto* key : batch) loaded.store->prefetch_table(0, *key);
            for (const auto* key : batch) loaded.store->prefetch_bucket(0, *key);
            for (const auto* key : batch) loaded.store->prefetch_record(0, *key);
        }
        for (const auto* key : batch) {
            if constexpr (kSet)
                loaded.set(*key);
            else
                loaded.get_one(*key);
        }
        loaded.store->quiescent(0);
    }
    state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBatch));
    const StoreStats stats = loaded.store->stats();
    state.counters["index_bytes_per_key"] = static_cast<double>(stats.index_bytes) / kKeys;
}

BENCHMARK(run<false, false>)->Name("get/key_by_key");
BENCHMARK(run<true, false>)->Name("get/prefetched_64");
BENCHMARK(run<false, true>)->Name("set/key_by_key");
BENCHMARK(run<true, true>)->Name("set/prefetched_64");

}  // namespace
}  // namespace torc

BENCHMARK_MAIN();

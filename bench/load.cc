// bench-load: fills a server with known values, or reads and writes them for a time and checks every answer.
//
//   bench-load fill --port P --keys N [--size B] [--connections C] [--depth D]
//   bench-load run  --port P --keys N [--size B] [--connections C] [--depth D] --seconds S | --operations N
//                   [--writes PERCENT] [--zipf THETA] [--rate OPS_PER_SECOND] [--owners FILE]
//
// With --owners the connections are spread over the nodes of a cluster, and each is asked its own keys
// (key_owners.h) instead of all going through --port.
//
// Prints one line of name=value pairs. `missing` counts keys that were not found, `wrong` values that are not
// the key's; with `fill` before, both must be 0.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "key_owners.h"
#include "load_client.h"
#include "zipfian.h"

namespace {

using Clock = std::chrono::steady_clock;

struct Load {
    bool fill = false;
    int port = 6379;
    uint64_t keys = 1'000'000;
    size_t size = 100;
    int connections = 8, depth = 1;
    double seconds = 10, writes = 0, zipf = 0, rate = 0;
    uint64_t operations = 0;  // 0: until the time is over
    std::string owners;
};

Load parse(int argc, char** argv) {
    Load load;
    if (argc < 2 || (std::strcmp(argv[1], "fill") != 0 && std::strcmp(argv[1], "run") != 0))
        throw std::runtime_error("say fill or run; see the head of bench/load.cc");
    load.fill = std::strcmp(argv[1], "fill") == 0;
    if (load.fill) load.depth = 64;
    for (int i = 2; i < argc; i += 2) {
        if (i + 1 == argc) throw std::runtime_error(std::string(argv[i]) + " needs a value");
        const std::string name = argv[i];
        const double value = std::atof(argv[i + 1]);
        if (name == "--port")
            load.port = static_cast<int>(value);
        else if (name == "--keys")
            load.keys = static_cast<uint64_t>(value);
        else if (name == "--size")
            load.size = static_cast<size_t>(value);
        else if (name == "--connections")
            load.connections = static_cast<int>(value);
        else if (name == "--depth")
            load.depth = static_cast<int>(value);
        else if (name == "--seconds")
            load.seconds = value;
        else if (name == "--writes")
            load.writes = value;
        else if (name == "--zipf")
            load.zipf = value;
        else if (name == "--rate")
            load.rate = value;
        else if (name == "--operations")
            load.operations = static_cast<uint64_t>(value);
        else if (name == "--owners")
            load.owners = argv[i + 1];
        else
            throw std::runtime_error("unknown option " + name);
    }
    if (!load.owners.empty() && (load.fill || load.zipf > 0))
        throw std::runtime_error("--owners goes with evenly spread keys of run only");
    return load;
}

/// Hot keys must not be neighbours, so ranks are spread over the key space: an odd factor modulo a power of
/// two is a permutation of it, and numbers past the last key take another turn.
uint64_t scattered(uint64_t rank, uint64_t keys) {
    uint64_t space = 1;
    while (space < keys) space *= 2;
    uint64_t number = rank;
    do {
        number = (number * 0x9e3779b97f4a7c15ULL + 0x7f4a7c15ULL) & (space - 1);
    } while (number >= keys);
    return number;
}

class Work {
  public:
    explicit Work(const Load& load)
        : load_(load), zipf_(load.zipf > 0 ? load.keys : 1, load.zipf > 0 ? load.zipf : 0.5) {}

    /// Adds and sends one batch of keys of `owner`, or of all without one; false when there is nothing left
    /// to do.
    bool give(bench::LoadClient& client, const bench::Owner* owner, bench::Outcome& outcome) {
        if (load_.fill ? next_ == load_.keys : load_.operations > 0 && given_ >= load_.operations)
            return false;
        for (int i = 0; i < load_.depth; ++i) {
            if (load_.fill) {
                if (next_ == load_.keys) break;
                client.add_set(next_++);
                continue;
            }
            const uint64_t number = owner != nullptr ? owner->numbers[random_() % owner->numbers.size()]
                                    : load_.zipf > 0 ? scattered(zipf_(random_), load_.keys)
                                                     : random_() % load_.keys;
            ++given_;
            if (static_cast<double>(random_() % 10000) < load_.writes * 100)
                client.add_set(number);
            else
                client.add_get(number);
        }
        client.send(outcome);
        return true;
    }

  private:
    const Load& load_;
    bench::Zipfian zipf_;
    std::mt19937_64 random_{42};
    uint64_t next_ = 0, given_ = 0;
};

double percentile(std::vector<uint32_t>& sorted, double share) {
    if (sorted.empty()) return 0;
    return sorted[std::min(sorted.size() - 1,
                           static_cast<size_t>(share * static_cast<double>(sorted.size())))];
}

int run(const Load& load) {
    Work work(load);
    bench::Outcome outcome;
    std::vector<std::unique_ptr<bench::LoadClient>> clients;
    std::vector<pollfd> polled;
    const auto owners =
        load.owners.empty() ? std::vector<bench::Owner>() : bench::read_owners(load.owners, load.keys);
    const auto owner_of = [&](size_t client) {
        return owners.empty() ? nullptr : &owners[client % owners.size()];
    };
    for (int i = 0; i < load.connections; ++i) {
        const auto* owner = owner_of(static_cast<size_t>(i));
        clients.push_back(
            std::make_unique<bench::LoadClient>(owner != nullptr ? owner->port : load.port, load.size));
        polled.push_back({clients.back()->socket(), POLLIN, 0});
    }
    const auto start = Clock::now();
    const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
    bool over = false;
    double due = 0;  // operations that the rate has allowed to be sent so far are compared with this
    while (true) {
        bool waiting = false;
        for (size_t i = 0; i < clients.size(); ++i) {
            auto& client = clients[i];
            over = over || (!load.fill && load.operations == 0 && elapsed() > load.seconds);
            const bool allowed = load.rate <= 0 || due <= elapsed() * load.rate;
            if (!over && allowed && client->idle()) {
                over = !work.give(*client, owner_of(i), outcome);
                due += load.depth;
            }
            waiting = waiting || !client->idle();
        }
        if (!waiting && over) break;
        // With a rate there may be nothing to wait for but the time.
        ::poll(polled.data(), polled.size(), waiting && load.rate <= 0 ? 10'000 : 1);
        for (size_t i = 0; i < clients.size(); ++i)
            if (polled[i].revents != 0) clients[i]->receive(outcome);
    }
    const double took = elapsed();
    auto& times = outcome.batch_us;
    std::ranges::sort(times);
    std::printf(
        "operations=%llu errors=%llu missing=%llu wrong=%llu seconds=%.2f rps=%.0f p50_us=%.0f p99_us=%.0f "
        "p999_us=%.0f "
        "max_us=%.0f\n",
        static_cast<unsigned long long>(outcome.operations), static_cast<unsigned long long>(outcome.errors),
        static_cast<unsigned long long>(outcome.missing), static_cast<unsigned long long>(outcome.wrong),
        took, static_cast<double>(outcome.operations) / took, percentile(times, 0.5), percentile(times, 0.99),
        percentile(times, 0.999), times.empty() ? 0.0 : static_cast<double>(times.back()));
    if (outcome.errors > 0) std::fprintf(stderr, "first error: %s\n", outcome.first_error.c_str());
    return outcome.errors + outcome.missing + outcome.wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(parse(argc, argv));
    } catch (const std::exception& failure) {
        std::fprintf(stderr, "bench-load: %s\n", failure.what());
        return 2;
    }
}

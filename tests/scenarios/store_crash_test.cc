// A store under a random workload, on a disk that dies or fails at every n-th operation (CORRECTNESS 4, 9,
// 12, 13; "Process crash" and "power loss" of the design). What comes back must be the state after some whole
// number of commands, none of the acknowledged ones missing: nothing lost, nothing deleted back, nothing
// invented, no half batch.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "engine/directory_check.h"
#include "engine/directory_files.h"
#include "tests/scenarios/store_driver.h"

namespace torc {
namespace {

constexpr int kSteps = 400;

size_t acknowledged(const StoreDriver& driver, Lsn lsn) {
    const auto& commands = driver.commands();
    return static_cast<size_t>(
        std::ranges::count_if(commands, [&](const auto& command) { return command.lsn <= lsn; }));
}

void expect_clean(SimDisk& disk) {
    const auto files = read_directory(disk, StoreDriver::kPath);
    // A death before the directory was made leaves nothing to look at.
    if (!files && files.error().kind == ErrorKind::not_found) return;
    ASSERT_TRUE(files) << files.error().message;
    const auto report = check_directory(disk, *files, {});
    ASSERT_TRUE(report) << report.error().message;
    for (const auto& finding : report->findings) EXPECT_FALSE(finding.damage) << finding.text;
}

/// Runs until the disk dies at this operation, and checks what is there afterwards; then goes on from there.
/// True when the operation was reached.
bool die_at(uint64_t operation, uint64_t seed, bool power) {
    SCOPED_TRACE(testing::Message() << (power ? "power loss" : "crash") << " at operation " << operation
                                    << ", seed " << seed);
    SimDisk disk(seed);
    StoreDriver driver(disk, seed);
    EXPECT_TRUE(driver.open());
    disk.stop_at(disk.operations() + operation);
    driver.run(kSteps);
    const bool reached = disk.stopped();
    for (int life = 0; life < 2; ++life) {
        const size_t least = acknowledged(driver, power ? driver.synced_lsn() : driver.written_lsn());
        if (power)
            disk.power_loss(seed + operation + static_cast<uint64_t>(life));
        else
            disk.crash();
        expect_clean(disk);
        const auto report = driver.open();
        EXPECT_TRUE(report) << report.error().message;
        if (!report) return false;
        EXPECT_EQ(report->damaged_records, 0u);
        const StoreContents found = driver.contents();
        const auto prefix = matching_prefix(driver, found, least);
        EXPECT_TRUE(prefix) << least << " of " << driver.commands().size() << " commands were acknowledged";
        if (!prefix) return false;
        driver.start_from(found);
        disk.stop_at(disk.operations() + operation / 2 + 1);
        driver.run(kSteps);
    }
    return reached;
}

TEST(StoreCrash, KilledAtAnyOperationNothingWrittenIsLost) {
    for (uint64_t n = 1; !HasFailure(); n += 1 + n / 8)
        if (!die_at(n, 100 + n, false)) break;
}

TEST(StoreCrash, WithoutPowerAtAnyOperationNothingSyncedIsLost) {
    for (uint64_t n = 1; !HasFailure(); n += 1 + n / 8)
        if (!die_at(n, 200 + n, true)) break;
}

TEST(StoreCrash, ManySeedsManyDeaths) {
    for (uint64_t seed = 0; seed < 60 && !HasFailure(); ++seed) {
        Rng random(seed);
        die_at(1 + random.below(400), seed, random.one_in(2));
    }
}

/// The disk refuses the n-th operation; the store goes on. Once the disk is well again, all that was done is
/// there, in this life and in the next.
void fail_at(uint64_t operation, uint64_t seed, ErrorKind kind, bool sticky) {
    SCOPED_TRACE(testing::Message() << "operation " << operation << ", seed " << seed
                                    << (kind == ErrorKind::io ? ", EIO" : ", ENOSPC")
                                    << (sticky ? ", sticky" : ""));
    SimDisk disk(seed);
    StoreDriver driver(disk, seed);
    ASSERT_TRUE(driver.open());
    disk.fail_at(disk.operations() + operation, kind, sticky);
    driver.run(kSteps / 2);
    disk.clear_faults();
    driver.run(kSteps / 4);
    const auto settled = driver.settle();
    ASSERT_TRUE(settled) << settled.error().message;
    const size_t all = driver.commands().size();
    ASSERT_EQ(matching_prefix(driver, driver.contents(), all), all);
    disk.power_loss(seed);
    expect_clean(disk);
    ASSERT_TRUE(driver.open());
    ASSERT_EQ(matching_prefix(driver, driver.contents(), all), all);
}

TEST(StoreCrash, AnErrorOfTheDiskAtAnyOperationCostsNothing) {
    for (uint64_t n = 1; n < 400 && !HasFailure(); n += 1 + n / 8)
        fail_at(n, 300 + n, ErrorKind::io, n % 3 == 0);
}

TEST(StoreCrash, AFullDiskAtAnyOperationCostsNothing) {
    for (uint64_t n = 1; n < 400 && !HasFailure(); n += 1 + n / 8)
        fail_at(n, 400 + n, ErrorKind::no_space, n % 3 != 0);
}

// Errors and then death: what was acknowledged through it all is there.
TEST(StoreCrash, DyingWhileTheDiskFailsLosesNothingAcknowledged) {
    for (uint64_t seed = 0; seed < 40 && !HasFailure(); ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        Rng random(seed);
        SimDisk disk(seed);
        StoreDriver driver(disk, seed);
        ASSERT_TRUE(driver.open());
        disk.fail_at(disk.operations() + 1 + random.below(200),
                     random.one_in(2) ? ErrorKind::io : ErrorKind::no_space, true);
        driver.run(kSteps / 2);
        disk.clear_faults();
        driver.run(static_cast<int>(random.below(20)));
        const bool power = random.one_in(2);
        const size_t least = acknowledged(driver, power ? driver.synced_lsn() : driver.written_lsn());
        if (power)
            disk.power_loss(seed);
        else
            disk.crash();
        const auto report = driver.open();
        ASSERT_TRUE(report) << report.error().message;
        ASSERT_TRUE(matching_prefix(driver, driver.contents(), least)) << (power ? "power" : "crash");
    }
}

}  // namespace
}  // namespace torc

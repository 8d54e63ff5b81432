#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "engine/directory_check.h"
#include "engine/directory_files.h"
#include "engine/directory_repair.h"
#include "tools/command.h"
#include "tools/progress_bar.h"

namespace torc {

namespace {

int failed(const Error& error) {
    fmt::print(stderr, "torc check: {}\n", error.message);
    return kExitFailed;
}

Result<CheckReport> check_with_bar(const DirectoryFiles& files) {
    ProgressBar bar("checking");
    return check_directory(posix_disk(), files, [&](double part) { bar.show(part); });
}

void print(const CheckReport& report) {
    for (const auto& finding : report.findings)
        fmt::print("{}: {}\n", finding.damage ? "DAMAGE" : "note", finding.text);
    fmt::print("{} segments, {} records, {} bytes: {}\n", report.segments, report.records, report.bytes,
               report.clean() ? "all good" : fmt::format("{} damages", report.damages));
}

}  // namespace

int run_check(const std::vector<std::string>& arguments) {
    const auto parsed = parse_arguments(arguments, {"--repair"});
    if (!parsed) return failed(parsed.error());
    const bool repair = !parsed->options.empty();
    const auto lock = lock_at_rest(parsed->directory);
    if (!lock) return failed(lock.error());
    const auto files = read_directory(posix_disk(), parsed->directory);
    if (!files) return failed(files.error());
    const auto report = check_with_bar(*files);
    if (!report) return failed(report.error());
    print(*report);
    if (report->clean()) return 0;
    if (!repair) {
        fmt::print("`torc check --repair {}` keeps every good record and sets the damaged files aside.\n",
                   parsed->directory);
        return kExitDamaged;
    }

    std::random_device device;
    const uint64_t random = (uint64_t{device()} << 32) | device();
    const auto repaired = repair_directory(posix_disk(), parsed->directory, *files, *report, random);
    if (!repaired) return failed(repaired.error());
    for (const auto& line : repaired->lines) fmt::print("{}\n", line);
    fmt::print("repaired: {} records lost; the originals are in {}\n", repaired->lost_records,
               repaired->set_aside);

    const auto files_now = read_directory(posix_disk(), parsed->directory);
    if (!files_now) return failed(files_now.error());
    const auto report_now = check_with_bar(*files_now);
    if (!report_now) return failed(report_now.error());
    print(*report_now);
    return report_now->clean() ? 0 : kExitDamaged;
}

}  // namespace torc

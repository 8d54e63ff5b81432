// The command line of redis-tests.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

namespace redis_tests {

struct Options {
    std::string reference = "redis-server";
    std::string server;  // the program under test
    std::vector<std::string> server_arguments;
    std::vector<std::string> case_paths;  // files, or folders with *.txt
    std::string differences;              // "" for none
    std::string skip;                     // a file of names; "" for none
    std::string only;                     // play only cases whose name contains this
    std::chrono::milliseconds timeout{5000};

    bool random = false;
    uint64_t seed = 1;
    int count = 1000;  // sequences
    int length = 40;   // commands in each
    bool help = false;
};

extern const char* const kUsage;

std::expected<Options, std::string> parse_options(const std::vector<std::string>& arguments);

}  // namespace redis_tests

// The rules of the source tree that no compiler checks: which folder may include which, where I/O libraries
// and fsync may appear, and how long a file may be.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace torc {
namespace {

namespace fs = std::filesystem;

using Folders = std::set<std::string>;

/// Folder -> what it may include besides itself and the system. A folder that isn't here fails the test:
/// decide first, then add it.
const std::map<std::string, Folders> kMayInclude = {
    {"base", {}},
    {"resp", {"base"}},
    {"types", {"base"}},
    {"engine", {"base"}},
    {"cluster", {"base"}},
    {"repl", {"base", "engine", "cluster"}},
    {"commands", {"base", "resp", "types", "cluster"}},
    {"node", {"base", "resp", "types", "cluster", "commands", "engine", "repl"}},
    {"sim", {"base", "cluster", "commands", "engine", "repl", "node"}},
    {"server", {"base", "cluster", "commands", "node"}},
    {"tools", {"base", "engine"}},
    {"main", {"base", "server"}},
};

constexpr size_t kLongestFile = 600;

struct SourceFile {
    std::string path;    // from the root: src/base/log.h
    std::string folder;  // base; "main" for src/main.cc
    std::vector<std::string> lines;
};

fs::path source_root() {
    if (const char* root = std::getenv("TORC_SOURCE_DIR")) return root;
    fs::path at = fs::current_path();
    while (!fs::exists(at / "CMakePresets.json") && at.has_relative_path()) at = at.parent_path();
    return at;
}

std::vector<SourceFile> source_files(const std::string& top) {
    std::vector<SourceFile> files;
    const fs::path root = source_root();
    for (const auto& entry : fs::recursive_directory_iterator(root / top)) {
        const std::string extension = entry.path().extension();
        if (extension != ".h" && extension != ".cc") continue;
        SourceFile file;
        file.path = entry.path().lexically_relative(root).generic_string();
        const fs::path below = entry.path().lexically_relative(root / top);
        file.folder = below.has_parent_path() ? below.begin()->string() : below.stem().string();
        std::ifstream stream(entry.path());
        for (std::string line; std::getline(stream, line);) file.lines.push_back(line);
        files.push_back(std::move(file));
    }
    return files;
}

/// "base/log.h" of `#include "base/log.h"`, else "".
std::string included(const std::string& line, char open, char close) {
    if (!line.starts_with("#include ")) return "";
    const size_t begin = line.find(open), end = line.rfind(close);
    if (begin == std::string::npos || end <= begin) return "";
    return line.substr(begin + 1, end - begin - 1);
}

TEST(IncludeGraph, TheTreeIsFound) {
    ASSERT_GT(source_files("src").size(), 50u) << source_root();
}

TEST(IncludeGraph, FoldersIncludeOnlyWhatTheyMay) {
    for (const SourceFile& file : source_files("src")) {
        const auto rule = kMayInclude.find(file.folder);
        ASSERT_NE(rule, kMayInclude.end()) << file.path << ": a new folder needs its rule here";
        for (const std::string& line : file.lines) {
            const std::string target = included(line, '"', '"');
            if (target.empty()) continue;
            const std::string folder = target.substr(0, target.find('/'));
            EXPECT_TRUE(folder == file.folder || rule->second.contains(folder))
                << file.path << " includes " << target << ": " << file.folder << " may not know " << folder;
        }
    }
}

TEST(IncludeGraph, NoFileIncludesItselfByADetour) {
    std::map<std::string, std::vector<std::string>> edges;
    for (const SourceFile& file : source_files("src")) {
        for (const std::string& line : file.lines) {
            if (const std::string target = included(line, '"', '"'); !target.empty())
                edges[file.path].push_back("src/" + target);
        }
    }
    std::map<std::string, int> state;  // 1: on the path, 2: done
    std::vector<std::string> path;
    const std::function<void(const std::string&)> walk = [&](const std::string& file) {
        path.push_back(file);
        state[file] = 1;
        for (const std::string& next : edges[file]) {
            EXPECT_NE(state[next], 1) << file << " closes a cycle with " << next;
            if (state[next] == 0) walk(next);
        }
        state[file] = 2;
        path.pop_back();
    };
    for (const SourceFile& file : source_files("src")) {
        if (state[file.path] == 0) walk(file.path);
    }
}

TEST(IncludeGraph, SocketsAreTheShellsAlone) {
    for (const SourceFile& file : source_files("src")) {
        if (file.folder == "server") continue;
        for (const std::string& line : file.lines) {
            EXPECT_FALSE(included(line, '<', '>').starts_with("boost/asio")) << file.path;
            EXPECT_FALSE(included(line, '<', '>').starts_with("boost/beast")) << file.path;
        }
    }
}

TEST(IncludeGraph, OnePlaceSyncs) {
    for (const SourceFile& file : source_files("src")) {
        if (file.path == "src/base/disk_posix.cc") continue;
        for (const std::string& line : file.lines) {
            EXPECT_EQ(line.find("::fsync("), std::string::npos) << file.path;
            EXPECT_EQ(line.find("::fdatasync("), std::string::npos) << file.path;
        }
    }
}

TEST(HouseRules, FilesStayShortAndCarryNoReminders) {
    for (const std::string top : {"src", "tests", "redis-tests", "bench"}) {
        for (const SourceFile& file : source_files(top)) {
            EXPECT_LE(file.lines.size(), kLongestFile) << file.path;
            for (const std::string& line : file.lines) {
                // In two halves, or this line would be one.
                EXPECT_EQ(line.find("TO"
                                    "DO"),
                          std::string::npos)
                    << file.path << ": " << line;
                EXPECT_EQ(line.find("FIX"
                                    "ME"),
                          std::string::npos)
                    << file.path << ": " << line;
                EXPECT_EQ(line.find("GTEST_"
                                    "SKIP"),
                          std::string::npos)
                    << file.path << ": " << line;
            }
        }
    }
}

TEST(HouseRules, EveryHeaderIsGuarded) {
    for (const SourceFile& file : source_files("src")) {
        if (!file.path.ends_with(".h")) continue;
        EXPECT_TRUE(std::ranges::find(file.lines, "#pragma once") != file.lines.end()) << file.path;
    }
}

}  // namespace
}  // namespace torc

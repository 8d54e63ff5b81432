// How two replies to one command are compared. Written in brackets before a command, joined with commas:
//
//   exact           the default: same type, same bytes, same order (maps and sets: any order)
//   type            only the RESP types, one level
//   error-prefix    two errors with the same first word
//   ignore          anything but a closed connection
//   unordered       the items of the outermost array in any order
//   sorted          the items of arrays at every level in any order
//   superset        every item (or name) of the reference's reply is in the other, in any order
//   pairs           the outermost array is a map in RESP2: its pairs in any order
//   integers        all integers are equal
//   digits          runs of digits in texts are equal to each other (times, ids, addresses)
//   names           of "name:value" lines or "name=value" words only the names
//   only:a+b        of "name:value" lines only those whose name is a or b
//   number~N        integers and doubles may differ by up to N
//   without:a+b     pairs whose key is a or b are left out, at every level, of maps and of flat arrays
//   proto2, proto3  play this line only in that protocol
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reply.h"

namespace redis_tests {

struct Comparison {
    bool type_only = false;
    bool error_prefix = false;
    bool ignore = false;
    bool unordered = false;
    bool sorted = false;
    bool superset = false;
    bool pairs = false;
    bool integers = false;
    bool digits = false;
    bool names = false;
    double tolerance = 0;
    std::vector<std::string> without;
    std::vector<std::string> only;
    std::optional<int> proto;
};

/// `list` without its brackets. The error names the unknown mode.
std::expected<Comparison, std::string> parse_comparison(std::string_view list);

/// The reply with everything taken out that the comparison does not look at.
Reply normalized(const Reply& reply, const Comparison& comparison);

bool same(const Reply& reference, const Reply& tested, const Comparison& comparison);

}  // namespace redis_tests

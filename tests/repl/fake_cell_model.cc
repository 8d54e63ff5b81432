#include <fmt/format.h>

#include <algorithm>

#include "repl/cell_codec.h"
#include "repl/cell_trim.h"
#include "tests/repl/cell_fixture.h"
#include "tests/repl/cell_model.h"

namespace torc {
namespace {

std::string tenths_text(int64_t tenths) {
    const std::string sign = tenths < 0 ? "-" : "";
    const int64_t size = std::abs(tenths);
    return sign + std::to_string(size / 10) + (size % 10 == 0 ? "" : "." + std::to_string(size % 10));
}

/// The naive rule: what this write has begun goes on with whatever the actor has written ever before.
std::string without_birth(const std::string& bytes, WriteStamp written) {
    const auto renamed = [&](Dot dot) {
        if (dot.actor == written.actor && dot.birth == written.stamp) dot.birth = 0;
        return dot;
    };
    const auto rename_totals = [&](auto& totals) {
        Context joined;
        for (const Total& total : totals) joined.join({.totals = {{renamed(total.dot), total.amount}}});
        totals.assign(joined.totals.begin(), joined.totals.end());
    };
    Cell cell = decode_valid_cell(bytes);
    Context context;
    for (const Dot& entry : cell.context) context.add(renamed(entry));
    cell.context.assign(context.entries.begin(), context.entries.end());
    rename_totals(cell.totals);
    for (Sibling& sibling : cell.siblings) {
        sibling.dot = renamed(sibling.dot);
        rename_totals(sibling.saw);
    }
    for (ExpirySibling& expiry : cell.expiries) expiry.dot = renamed(expiry.dot);
    std::ranges::sort(cell.siblings, {}, &Sibling::dot);
    std::ranges::sort(cell.expiries, {}, &ExpirySibling::dot);
    std::string out;
    encode_cell(out, cell);
    return out;
}

}  // namespace

CellModel::CellModel(uint64_t seed, BirthRule rule, bool trims) : rng_(seed), rule_(rule), trims_(trims) {
    replicas_.resize(2 + rng_.below(3));
    for (Replica& replica : replicas_) replica.actor = ++last_actor_;
}

void CellModel::keep(Replica& replica, const std::string& cell) {
    replica.older.push_back(replica.copy);
    replica.copy.cell = cell;
    cells_.push_back(cell);
}

void CellModel::write(Replica& replica) {
    if (operations_.size() == kMaxOperations) return;
    // Who has no copy asks the others first (CORRECTNESS 2).
    if (retired_ != 0 && replica.copy.cell.empty())
        for (const Replica& other : replicas_) join(replica, other.copy);
    const size_t id = operations_.size();
    clock_ += 1 + rng_.below(3);
    Operation operation{
        .kind = Kind::incr, .stamp = {replica.actor, clock_}, .covers = replica.copy.known, .value = ""};
    std::string& cell = replica.copy.cell;
    if (rule_ == BirthRule::never_renewed && !cell.empty()) set_own_flag(cell, true);
    const bool exists = !cell.empty() && view_of(cell).exists();

    operation.tenths = static_cast<int64_t>(id) * 1'000'000;
    operation.value = tenths_text(operation.tenths);
    if (rng_.one_in(8)) {
        operation.number = false;
        operation.value = "text" + std::to_string(id);
    }
    operation.at_ms = rng_.one_in(2) ? kNoExpiry : static_cast<int64_t>(1000 + rng_.below(1000));
    std::string out;
    switch (rng_.below(8)) {
        case 0:
        case 1:
            operation.kind = Kind::set;
            write_value(out, cell, operation.stamp, operation.value, operation.at_ms);
            break;
        case 2:
            operation.kind = Kind::del;
            write_delete(out, cell, operation.stamp);
            break;
        case 3:
            if (!exists) return;
            operation.kind = Kind::expire;
            write_expiry(out, cell, operation.stamp, operation.at_ms);
            break;
        case 4: {
            // What some client once read somewhere.
            operation.kind = Kind::resolve;
            const Replica& read_at = replicas_[rng_.below(replicas_.size())];
            if (read_at.older.empty()) return;
            const Copy& read = read_at.older[rng_.below(read_at.older.size())];
            // Increments that are over belong to the value that has seen them, not to a blind write.
            if (retired_ != 0 && read.cell.empty()) return;
            const auto seen = read.cell.empty() ? Context{} : view_of(read.cell).context();
            operation.covers = read.known;
            write_resolved(out, cell, operation.stamp, operation.value, operation.at_ms,
                           parse_context_token(context_token(seen)).value());
            break;
        }
        default:
            operation.fresh = !exists;
            operation.at_ms = kNoExpiry;
            operation.tenths = static_cast<int64_t>(rng_.below(99)) - 30;
            if (operation.tenths % 10 == 0)
                EXPECT_TRUE(write_add(out, cell, operation.stamp, operation.tenths / 10));
            else
                EXPECT_TRUE(write_add_decimal(out, cell, operation.stamp, operation.tenths / 10.0L));
    }
    if (rule_ == BirthRule::never_renewed) out = without_birth(out, operation.stamp);
    keep(replica, out);
    replica.copy.known |= operation.covers;
    replica.copy.known.set(id);
    operations_.push_back(operation);
}

void CellModel::join(Replica& replica, const Copy& copy) {
    if (copy.cell.empty()) return;
    keep(replica, merged(replica.copy.cell, copy.cell));
    replica.copy.known |= copy.known;
}

void CellModel::hand_over(size_t from) {
    const size_t to = (from + 1 + rng_.below(replicas_.size() - 1)) % replicas_.size();
    join(replicas_[to], replicas_[from].copy);
}

/// As node/trimmer does: with everybody's copy at hand, of actors that have ended, and after everything older
/// that may still come has come. Some replicas hear of it later, or not at all.
void CellModel::trim(size_t at) {
    Replica& trimmer = replicas_[at];
    for (const Replica& other : replicas_) join(trimmer, other.copy);
    if (trimmer.copy.cell.empty()) return;
    for (Replica& other : replicas_) {
        join(other, trimmer.copy);
        other.older.clear();
    }
    messages_.clear();
    const auto ended = [&](const Dot& entry) {
        return std::ranges::none_of(replicas_, [&](const Replica& r) { return r.actor == entry.actor; });
    };
    std::string out;
    const size_t before = listed_entries(trimmer.copy.cell);
    if (!trim_cell(out, trimmer.copy.cell, ended)) return;
    retired_ += before - listed_entries(out);
    keep(trimmer, out);
    for (Replica& other : replicas_)
        if (rng_.one_in(2)) join(other, trimmer.copy);
}

std::string CellModel::step() {
    const size_t at = rng_.below(replicas_.size());
    Replica& replica = replicas_[at];
    switch (rng_.below(trims_ ? 15 : 14)) {
        case 14:
            trim(at);
            break;
        case 0:
        case 1:
        case 2:
            messages_.push_back({rng_.below(replicas_.size()), replica.copy});
            break;
        case 3:
        case 4:
        case 5:
            if (messages_.empty()) break;
            {
                const size_t which = rng_.below(messages_.size());
                join(replicas_[messages_[which].to], messages_[which].copy);
                if (!rng_.one_in(3)) messages_.erase(messages_.begin() + static_cast<ptrdiff_t>(which));
            }
            break;
        case 6:
            hand_over(at);
            break;
        case 7:  // moved away, evicted, reaped, unreadable
            hand_over(at);
            replica.copy = {};
            break;
        case 8:
            replica.actor = ++last_actor_;
            break;
        case 9:  // an old directory restored
            if (replica.older.empty()) break;
            hand_over(at);
            replica.copy = replica.older[rng_.below(replica.older.size())];
            replica.actor = ++last_actor_;
            break;
        default:
            write(replica);
    }
    for (const Replica& each : replicas_) {
        if (std::string wrong = check(each); !wrong.empty()) return wrong;
    }
    return "";
}

std::string CellModel::heal() {
    for (int round = 0; round < 2; ++round) {
        for (size_t i = 0; i < replicas_.size(); ++i)
            join(replicas_[(i + 1) % replicas_.size()], replicas_[i].copy);
    }
    const Copy& first = replicas_[0].copy;
    if (first.known.count() != operations_.size()) return "the model itself has lost an operation";
    for (const Replica& replica : replicas_) {
        if (first.cell.empty() != replica.copy.cell.empty()) return "a replica has got nothing";
        if (first.cell.empty()) continue;
        if (view_of(first.cell).digest() != view_of(replica.copy.cell).digest()) return "replicas differ";
        if (std::string wrong = check(replica); !wrong.empty()) return wrong;
    }
    return "";
}

/// Whether a SET or DEL among `known` covers it.
bool CellModel::killed(size_t operation, const Set& known) const {
    for (size_t i = 0; i < operations_.size(); ++i) {
        const Kind kind = operations_[i].kind;
        if (known[i] && (kind == Kind::set || kind == Kind::resolve || kind == Kind::del) &&
            operations_[i].covers[operation])
            return true;
    }
    return false;
}

/// The values, the winner first, and the expiry; "(nil)" when the key doesn't exist.
std::string CellModel::expected(const Set& known, int64_t& expiry) const {
    std::vector<size_t> values;
    Set deleted;
    for (size_t i = 0; i < operations_.size(); ++i) {
        const Operation& operation = operations_[i];
        if (!known[i] || killed(i, known)) continue;
        if (operation.kind == Kind::set || operation.kind == Kind::resolve) values.push_back(i);
        if (operation.kind == Kind::del) deleted |= operation.covers;
    }
    std::ranges::reverse(values);  // ids rise with stamps

    expiry = -2;  // none
    for (size_t i = 0; i < operations_.size(); ++i) {
        const Operation& operation = operations_[i];
        if (!known[i] || killed(i, known) || operation.kind == Kind::incr || operation.kind == Kind::del)
            continue;
        bool covered = false;
        for (size_t j = 0; j < operations_.size(); ++j) {
            const Operation& other = operations_[j];
            if (known[j] && (other.kind == Kind::expire || other.fresh) && other.covers[i]) covered = true;
        }
        if (covered || expiry == kNoExpiry) continue;
        expiry = operation.at_ms == kNoExpiry ? kNoExpiry : std::max(expiry, operation.at_ms);
    }
    if (expiry == -2) expiry = kNoExpiry;

    const auto shown_value = [&](const Operation* value) -> std::string {
        int64_t sum = value == nullptr ? 0 : value->tenths;
        bool any = value != nullptr;
        for (size_t i = 0; i < operations_.size(); ++i) {
            if (!known[i] || operations_[i].kind != Kind::incr || deleted[i]) continue;
            if (value != nullptr && value->covers[i]) continue;
            sum += operations_[i].tenths;
            any = true;
        }
        if (value != nullptr && !value->number) return value->value;
        return any ? tenths_text(sum) : "(nil)";
    };
    if (values.empty()) return shown_value(nullptr);
    std::string all;
    for (const size_t i : values) all += (all.empty() ? "" : " ") + shown_value(&operations_[i]);
    return all;
}

std::string CellModel::check(const Replica& replica) const {
    int64_t expiry = 0;
    const std::string right = expected(replica.copy.known, expiry);
    if (replica.copy.cell.empty()) return right == "(nil)" ? "" : "an empty copy should show " + right;
    const auto view = CellView::parse(replica.copy.cell);
    if (!view) return "an invalid cell";
    std::string shows;
    for (const std::string& value : view->values()) shows += (shows.empty() ? "" : " ") + value;
    if (!view->exists()) shows = "(nil)";
    if (shows != right) return fmt::format("shows {}, should be {}", shows, right);
    if (!view->exists()) return "";
    std::string scratch;
    if (!right.starts_with(view->value(scratch))) return "value() isn't the first of values()";
    if (view->expire_at_ms() != expiry)
        return fmt::format("expires at {}, should at {}", view->expire_at_ms(), expiry);
    return "";
}

}  // namespace torc

#include "sim/checkers.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace torc {
namespace {

using Kind = HistoryOp::Kind;
using Outcome = HistoryOp::Outcome;
using Ops = std::vector<const HistoryOp*>;

/// A DEL that took longer may have been sent again: the first one deleted the key, the second found nothing.
constexpr int64_t kNotSentAgainUs = 100'000;

class KeyCheck {
  public:
    KeyCheck(const std::string& key, const Ops& ops, const std::vector<std::string>& siblings,
             std::vector<std::string>& wrong)
        : key_(key), ops_(ops), siblings_(siblings), wrong_(wrong) {
        for (const HistoryOp* op : ops_)
            if (op->writes() && op->kind != Kind::del) writer_[op->value] = op;
    }

    void run(size_t most_siblings) {
        if (key_.starts_with("c:")) return counter();
        if (key_.starts_with("o:")) return written_once();
        if (siblings_.size() > most_siblings) fail(fmt::format("{} siblings", siblings_.size()));
        nothing_invented();
        nothing_lost();
        nothing_returns();
        fresh_reads();
    }

  private:
    void fail(std::string text) { wrong_.push_back(fmt::format("{}: {}", key_, std::move(text))); }
    bool is_final(const std::string& value) const {
        return std::ranges::find(siblings_, value) != siblings_.end();
    }

    void counter() {
        int64_t low = 0, high = 0;
        for (const HistoryOp* op : ops_) {
            if (op->kind != Kind::add || op->outcome == Outcome::refused) continue;
            if (op->acknowledged() || op->amount < 0) low += op->amount;
            if (op->acknowledged() || op->amount > 0) high += op->amount;
        }
        const int64_t sum = siblings_.empty() ? 0 : std::stoll(siblings_.front());
        if (sum < low || sum > high)
            fail(fmt::format("the counter is {}, the history allows {} to {}", sum, low, high));
    }

    /// No other write can excuse that its value isn't there, and alone.
    void written_once() {
        nothing_invented();
        const HistoryOp& write = *ops_.front();
        if (write.acknowledged() && (siblings_.size() != 1 || !is_final(write.value)))
            fail(fmt::format("lost: {}; there are {} values", describe(write), siblings_.size()));
    }

    void nothing_invented() {
        const auto look = [&](const std::string& value, const std::string& where) {
            const auto at = writer_.find(value);
            if (at == writer_.end())
                return fail(fmt::format("{} shows '{}', which nobody wrote", where, value));
            if (at->second->outcome == Outcome::refused)
                fail(fmt::format("{} shows '{}', but: {}", where, value, describe(*at->second)));
        };
        for (const std::string& value : siblings_) look(value, "the end");
        for (const HistoryOp* op : ops_)
            if (op->kind == Kind::get && op->acknowledged() && !op->absent) look(op->value, describe(*op));
    }

    void nothing_lost() {
        for (const HistoryOp* write : ops_) {
            if (!write->writes() || write->kind == Kind::del || !write->acknowledged()) continue;
            if (write->kind == Kind::set_expiring || is_final(write->value)) continue;
            const bool covered = std::ranges::any_of(ops_, [&](const HistoryOp* other) {
                if (other == write || !other->writes() || other->outcome == Outcome::refused) return false;
                if (other->end_us < write->start_us) return false;
                // A value that is gone itself covers nothing for good; what covered it did.
                return other->kind == Kind::del || other->kind == Kind::set_expiring ||
                       is_final(other->value);
            });
            if (!covered) fail("lost: " + describe(*write));
        }
    }

    /// A write in a calm covers all that was acknowledged before: whoever coordinates it has all of it.
    const HistoryOp* certainly_covered_by(const HistoryOp& write, int64_t before_us) const {
        if (!write.acknowledged()) return nullptr;
        for (const HistoryOp* other : ops_) {
            const bool covers = other->kind == Kind::set || other->kind == Kind::set_expiring ||
                                (other->kind == Kind::del && other->amount == 1);
            if (!covers || !other->acknowledged() || other->calm == 0) continue;
            if (other->start_us > write.end_us && other->end_us < before_us) return other;
        }
        return nullptr;
    }

    void nothing_returns() {
        const auto look = [&](const std::string& value, int64_t before_us, const std::string& where) {
            const auto at = writer_.find(value);
            if (at == writer_.end()) return;
            if (const HistoryOp* by = certainly_covered_by(*at->second, before_us))
                fail(fmt::format("{} shows a value that returned: {}; covered by: {}", where,
                                 describe(*at->second), describe(*by)));
        };
        for (const std::string& value : siblings_) look(value, HistoryOp::kNever, "the end");
        for (const HistoryOp* op : ops_)
            if (op->kind == Kind::get && op->acknowledged() && !op->absent && !op->weak && op->calm != 0)
                look(op->value, op->start_us, describe(*op));
    }

    void fresh_reads() {
        for (const HistoryOp* read : ops_) {
            // A DEL that found nothing has read the key too.
            const bool found_nothing = (read->kind == Kind::get && read->absent && !read->weak) ||
                                       (read->kind == Kind::del && read->amount == 0 &&
                                        read->end_us - read->start_us < kNotSentAgainUs);
            if (!found_nothing || !read->acknowledged() || read->calm == 0) continue;
            for (const HistoryOp* write : ops_) {
                if (write->kind != Kind::set && write->kind != Kind::resolve) continue;
                if (!write->acknowledged() || write->end_us >= read->start_us) continue;
                const bool may_be_gone = std::ranges::any_of(ops_, [&](const HistoryOp* other) {
                    return other != read && (other->kind == Kind::del || other->kind == Kind::set_expiring) &&
                           other->outcome != Outcome::refused && other->end_us > write->start_us &&
                           other->start_us < read->end_us;
                });
                if (!may_be_gone) {
                    fail(fmt::format("{} doesn't see: {}", describe(*read), describe(*write)));
                    break;
                }
            }
        }
    }

    const std::string& key_;
    const Ops& ops_;
    const std::vector<std::string>& siblings_;
    std::vector<std::string>& wrong_;
    std::map<std::string, const HistoryOp*> writer_;
};

}  // namespace

std::string describe(const HistoryOp& op) {
    static constexpr const char* kKinds[] = {"SET", "SET PX", "TORC.SET", "DEL", "GET", "ADD"};
    static constexpr const char* kOutcomes[] = {"acknowledged", "in doubt", "refused"};
    const double start = static_cast<double>(op.start_us) / 1e6;
    std::string text = fmt::format("{} {}", kKinds[static_cast<int>(op.kind)], op.key);
    if (!op.value.empty()) text += " " + op.value;
    if (op.kind == Kind::add) text += fmt::format(" {:+}", op.amount);
    if (op.kind == Kind::get && op.absent) text += " (nil)";
    text += fmt::format(" by client {} at machine {}, {:.6f}", op.client, op.machine, start);
    if (op.end_us != HistoryOp::kNever)
        text += fmt::format(" to {:.6f}", static_cast<double>(op.end_us) / 1e6);
    if (op.outcome == Outcome::in_doubt && op.reply.empty()) return text + ", not answered yet";
    text += fmt::format(", {}", kOutcomes[static_cast<int>(op.outcome)]);
    if (op.calm != 0) text += fmt::format(", calm {}", op.calm);
    if (!op.acknowledged() || op.kind == Kind::del) text += fmt::format(" ({})", op.reply);
    return text;
}

std::vector<std::string> check_history(const History& history, const FinalValues& values,
                                       size_t most_siblings) {
    std::map<std::string, Ops> by_key;
    for (const HistoryOp& op : history) by_key[op.key].push_back(&op);
    std::vector<std::string> wrong;
    const std::vector<std::string> none;
    for (const auto& [key, ops] : by_key) {
        const auto at = values.find(key);
        KeyCheck(key, ops, at == values.end() ? none : at->second, wrong).run(most_siblings);
    }
    return wrong;
}

}  // namespace torc

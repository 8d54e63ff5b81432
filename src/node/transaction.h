// EXEC and WATCH over the running worker (commands/transactions.h). The dispatcher has planned and locked for
// the whole queue before exec() runs, so that the queue is one batch in the log: all or nothing, also after a
// crash.
#pragma once

#include "commands/transactions.h"

namespace torc {

struct NodeCore;

class TransactionRunner final : public Transactions {
  public:
    explicit TransactionRunner(NodeCore& node) : node_(node) {}

    void exec(Call& call) override;
    void watch(Call& call, std::string_view key) override;
    void unwatch_all(ClientState& client) override;
    bool spoiled(const ClientState& client) const override;

  private:
    bool expired_since(const ClientState& client, int64_t now_ms) const;

    NodeCore& node_;
};

}  // namespace torc

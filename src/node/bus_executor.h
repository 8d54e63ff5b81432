// Runs commands that no client of this node sent: what peers ask for, and what the coordinator asks of its
// own node. An internal connection with a queue of commands instead of a socket, so that whatever makes a
// client's command wait (a locked shard, a key on disk, a full log buffer) is dealt with in the same place.
//
// Commands run in order; each one's reply goes to its sink when the log has passed what it depends on. On its
// worker's thread only.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/inline_function.h"
#include "node/client_core.h"

namespace torc {

class BusExecutor final : public ClientPort, public CommandFeeder {
  public:
    /// `reply`: RESP, or the raw bytes of an internal command.
    using Sink = InlineFunction<void(std::string_view reply)>;
    struct Settings {
        bool resp3 = false;
        bool readonly = false;
        bool must_join = false;
        uint8_t read_level = ForwardMessage::kDefaultLevel;
        uint8_t write_level = ForwardMessage::kDefaultLevel;
        bool must_watch = false;  // ForwardMessage::watches
        bool relayed = false;     // ForwardMessage::relayed
        int64_t deadline_ms = 0;  // cluster time; what hasn't begun by then isn't run. 0: none
        std::shared_ptr<WriteAcks> writes =
            nullptr;  // where its writes are counted; null: this connection's own
    };

    explicit BusExecutor(WorkerCore& worker);
    ~BusExecutor() override;

    /// Runs it now, or after those before it. `spec` null: found by its name. The words are copied when it
    /// has to wait.
    void run(const CommandSpec* spec, const std::vector<std::string_view>& words, const Settings& settings,
             Sink sink);
    /// A transaction's queue and its EXEC.
    void run_transaction(const std::vector<std::vector<std::string_view>>& commands, const Settings& settings,
                         Sink sink);
    bool idle() const { return queue_.empty() && sinks_.empty(); }
    /// Of commands that haven't begun.
    size_t waiting_bytes() const { return waiting_bytes_; }
    ClientCore& client() { return *client_; }

    void wake() override;
    void send() override;
    void close(bool now) override;
    bool feed() override;

  private:
    struct Request {
        const CommandSpec* spec = nullptr;
        std::vector<std::string> words;
        bool transaction = false;
        std::vector<std::vector<std::string>> queue;  // of a transaction
        Settings settings;
        Sink sink;
    };
    bool start(const CommandSpec* spec, const std::vector<std::string_view>& words, const Settings& settings);
    void fill_queue(std::vector<std::vector<std::string>>& commands);

    WorkerCore& worker_;
    std::shared_ptr<BusExecutor*> alive_;  // for what other threads post: null inside when this is gone
    std::unique_ptr<ClientCore> client_;
    static size_t bytes_of(const Request& request);
    std::deque<Request> queue_;
    size_t waiting_bytes_ = 0;         // in it
    std::deque<Sink> sinks_;           // of commands that have begun
    std::deque<uint64_t> boundaries_;  // behind the ends of their replies
};

}  // namespace torc

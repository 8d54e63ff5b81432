// One pipelined connection of the load generator: sends batches of GET and SET, checks every reply, and keeps
// how long each batch took. Keys and values are functions of a number, so any answer can be judged.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

struct Outcome {
    uint64_t operations = 0, errors = 0, missing = 0, wrong = 0;
    std::string first_error;
    std::vector<uint32_t> batch_us;
};

/// 16 bytes: "key:" and twelve digits.
std::string key_of(uint64_t number);
/// `size` bytes that begin with the key's number.
std::string value_of(uint64_t number, size_t size);

class LoadClient {
  public:
    LoadClient(int port, size_t value_size);
    ~LoadClient();
    LoadClient(const LoadClient&) = delete;
    LoadClient& operator=(const LoadClient&) = delete;

    int socket() const { return socket_; }
    bool idle() const { return awaited_.empty(); }

    void add_get(uint64_t number);
    void add_set(uint64_t number);
    /// Sends what was added, as one batch.
    void send(Outcome& outcome);
    /// Reads what is there and checks it.
    void receive(Outcome& outcome);

  private:
    struct Awaited {
        bool get;
        uint64_t number;
    };

    bool take_reply(Outcome& outcome);
    void check(const Awaited& awaited, char type, bool null, std::string_view body, Outcome& outcome) const;

    int socket_;
    size_t value_size_;
    std::string output_, input_;
    size_t taken_ = 0;  // bytes of input_ already judged
    std::deque<Awaited> awaited_;
    std::chrono::steady_clock::time_point sent_at_;
};

}  // namespace bench

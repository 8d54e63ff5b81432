// A function as a LoopTask, which frees itself when it has run.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "server/task_queue.h"

namespace torc {

class PostedFunction final : public LoopTask {
  public:
    explicit PostedFunction(std::function<void()> function) : function_(std::move(function)) {}
    void run() override {
        const std::unique_ptr<PostedFunction> self(this);
        function_();
    }
    void drop() override { delete this; }

  private:
    std::function<void()> function_;
};

}  // namespace torc

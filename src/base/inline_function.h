// A callable that is moved, never copied, and keeps small closures in itself: what std::function would
// allocate for each message on the bus. Larger closures go to the heap. Calling an empty one is a bug.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "base/check.h"

namespace torc {

template <class Signature, size_t kInline = 48>
class InlineFunction;

template <class Result, class... Args, size_t kInline>
class InlineFunction<Result(Args...), kInline> {
  public:
    InlineFunction() = default;
    template <class Callable>
    requires(!std::is_same_v<std::remove_cvref_t<Callable>, InlineFunction> &&
             std::is_invocable_r_v<Result, std::decay_t<Callable>&, Args...>)
        InlineFunction(Callable&& callable) {  // NOLINT: implicit, as std::function's
        using Stored = std::decay_t<Callable>;
        if constexpr (sizeof(Stored) <= kInline && alignof(Stored) <= alignof(std::max_align_t) &&
                      std::is_nothrow_move_constructible_v<Stored>) {
            new (storage_) Stored(std::forward<Callable>(callable));
            kind_ = &kKindOf<Stored>;
        } else {
            new (storage_) Far<Stored>{std::make_unique<Stored>(std::forward<Callable>(callable))};
            kind_ = &kKindOf<Far<Stored>>;
        }
    }
    InlineFunction(InlineFunction&& other) noexcept { take(other); }
    InlineFunction& operator=(InlineFunction&& other) noexcept {
        if (this != &other) {
            reset();
            take(other);
        }
        return *this;
    }
    ~InlineFunction() { reset(); }

    explicit operator bool() const { return kind_ != nullptr; }
    Result operator()(Args... args) const {
        TORC_CHECK(kind_ != nullptr);
        return kind_->call(storage_, std::forward<Args>(args)...);
    }

  private:
    template <class Stored>
    struct Far {
        std::unique_ptr<Stored> callable;
        Result operator()(Args... args) { return (*callable)(std::forward<Args>(args)...); }
    };
    struct Kind {
        Result (*call)(void*, Args&&...);
        void (*move)(void* to, void* from);  // and ends `from`
        void (*end)(void*);
    };
    template <class Stored>
    static constexpr Kind kKindOf = {
        [](void* at, Args&&... args) -> Result {
            return (*static_cast<Stored*>(at))(std::forward<Args>(args)...);
        },
        [](void* to, void* from) {
            auto* old = static_cast<Stored*>(from);
            new (to) Stored(std::move(*old));
            old->~Stored();
        },
        [](void* at) { static_cast<Stored*>(at)->~Stored(); },
    };

    void take(InlineFunction& other) {
        kind_ = std::exchange(other.kind_, nullptr);
        if (kind_ != nullptr) kind_->move(storage_, other.storage_);
    }
    void reset() {
        if (kind_ != nullptr) std::exchange(kind_, nullptr)->end(storage_);
    }

    const Kind* kind_ = nullptr;
    alignas(std::max_align_t) mutable std::byte storage_[kInline];
};

}  // namespace torc

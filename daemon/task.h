// Task: a function to be called once, by another thread or later. Unlike std::function it may hold
// what can only be moved.
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace emstore::daemon {

template <typename... Arguments>
class Task {
 public:
  Task() = default;
  template <typename Function>
  requires(!std::same_as<std::remove_cvref_t<Function>, Task> &&
           std::invocable<Function&, Arguments...>) Task(Function function)
      : call_(std::make_unique<Holder<Function>>(std::move(function))) {}

  explicit operator bool() const { return call_ != nullptr; }
  void operator()(Arguments... arguments) { call_->run(std::forward<Arguments>(arguments)...); }

 private:
  struct Call {
    virtual ~Call() = default;
    virtual void run(Arguments... arguments) = 0;
  };
  template <typename Function>
  struct Holder final : Call {
    explicit Holder(Function held) : function(std::move(held)) {}
    void run(Arguments... arguments) override { function(std::forward<Arguments>(arguments)...); }
    Function function;
  };
  std::unique_ptr<Call> call_;
};

}  // namespace emstore::daemon

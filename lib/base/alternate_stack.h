// A stack for signal handlers.
#pragma once

#include <csignal>
#include <memory>
#include <new>

namespace spanflow {

// While the object exists, handlers with SA_ONSTACK run on this stack in the calling thread, so that they also run when
// the thread's own stack is full. Destroy it in the same thread.
class AlternateStack {
 public:
  // Without memory for the stack, handlers run on the thread's own stack.
  AlternateStack() : memory_(new (std::nothrow) char[kSize]) {
    if (memory_ == nullptr) return;
    const stack_t stack{.ss_sp = memory_.get(), .ss_flags = 0, .ss_size = kSize};
    ::sigaltstack(&stack, nullptr);
  }
  ~AlternateStack() {
    const stack_t none{.ss_sp = nullptr, .ss_flags = SS_DISABLE, .ss_size = 0};
    ::sigaltstack(&none, nullptr);
  }
  AlternateStack(const AlternateStack&) = delete;
  AlternateStack& operator=(const AlternateStack&) = delete;

 private:
  static constexpr std::size_t kSize = 64 << 10;
  std::unique_ptr<char[]> memory_;
};

}  // namespace spanflow

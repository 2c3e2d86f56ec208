#include "python/gil.h"

namespace spanflow::python {
namespace {

// Python's state of a thread that was not made by Python. It ends with the thread.
class ThreadState {
 public:
  ThreadState() : gil_(PyGILState_Ensure()), state_(PyEval_SaveThread()) {}
  ~ThreadState() {
    PyEval_RestoreThread(state_);
    PyGILState_Release(gil_);
  }
  ThreadState(const ThreadState&) = delete;
  ThreadState& operator=(const ThreadState&) = delete;
  PyThreadState* get() const { return state_; }

 private:
  PyGILState_STATE gil_;
  PyThreadState* state_;
};

}  // namespace

void WorkerGil::take() {
  thread_local const ThreadState state;
  PyEval_RestoreThread(state.get());
  held_ = true;
}

}  // namespace spanflow::python

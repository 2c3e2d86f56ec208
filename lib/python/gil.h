// Python's global interpreter lock (GIL).
#pragma once

#include <pybind11/pybind11.h>

#include <functional>

namespace spanflow::python {

// Calls `work` without the GIL, whether or not the calling thread holds it. Arrow's readers call with it and without
// it.
template <typename Work>
auto without_gil(Work work) {
  if (PyGILState_Check() == 0) return work();
  const pybind11::gil_scoped_release released;
  return work();
}

// The GIL of a worker's thread, which takes it once per burst. Used by one thread.
class WorkerGil {
 public:
  void hold() {
    if (!held_) take();
  }
  void let_go() {
    if (!held_) return;
    held_ = false;
    PyEval_SaveThread();
  }

 private:
  void take();
  bool held_ = false;
};

}  // namespace spanflow::python

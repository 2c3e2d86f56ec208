#include "python/python_log.h"

#include <pybind11/pybind11.h>

#include <memory>

#include "telemetry/log.h"
#include "telemetry/log_writer.h"

namespace spanflow::python {
namespace {

namespace py = pybind11;

const char* method_for(spdlog::level::level_enum level) {
  if (level >= spdlog::level::err) return "error";
  if (level == spdlog::level::warn) return "warning";
  return level == spdlog::level::info ? "info" : "debug";
}

bool python_runs() {
#if PY_VERSION_HEX >= 0x030d0000
  return Py_IsInitialized() != 0 && Py_IsFinalizing() == 0;
#else
  return Py_IsInitialized() != 0 && _Py_IsFinalizing() == 0;
#endif
}

// Takes the GIL, so a thread that holds the GIL must not log: it could wait for the lock of the log.
class PythonLog : public LogWriter {
 public:
  void write(const LogEntry& entry) override {
    if (!python_runs()) return;
    const py::gil_scoped_acquire gil;
    try {
      py::module_::import("logging").attr("getLogger")("spanflow").attr(method_for(entry.level))("%s", in_words(entry));
    } catch (py::error_already_set& error) {
      error.discard_as_unraisable("spanflow");
    }
  }
};

}  // namespace

void log_to_python() { log_to(std::make_shared<PythonLog>()); }

}  // namespace spanflow::python

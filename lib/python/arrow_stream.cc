#include "python/arrow_stream.h"

#include <cerrno>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <utility>

#include "python/flow_iterator.h"

namespace spanflow::python {
namespace {

namespace py = pybind11;

// Readers call the functions from any thread, with the GIL or without it.
class Stream {
 public:
  Stream(std::shared_ptr<Run> run, std::size_t rows, AddressForm addresses, std::chrono::milliseconds delay)
      : run_(std::move(run)), rows_(rows), delay_(delay), table_(run_->shape()->selected, run_->metrics(), addresses) {}
  ~Stream() {
    run_->close();
    const py::gil_scoped_acquire gil;
    run_.reset();
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  ArrowSchema schema() const { return table_.schema(); }

  // Returns the next rows; nullopt at the end. The error of the run comes after all rows.
  std::optional<ArrowArray> next() {
    const auto due = std::chrono::steady_clock::now() + delay_;
    while (!ended_ && table_.rows() < rows_) {
      if (unread_.empty()) fetch();
      take_rows();
      if (table_.rows() > 0 && unread_.empty() && std::chrono::steady_clock::now() >= due) break;
    }
    if (table_.rows() > 0) return table_.take();
    if (interrupted_) interrupt_again();
    if (failure_ != nullptr) std::rethrow_exception(failure_);
    return std::nullopt;
  }

  const char* error() const { return error_.empty() ? nullptr : error_.c_str(); }
  void set_error(const char* text) { error_ = text; }

 private:
  void fetch() {
    try {
      if (const auto records = without_gil([this] { return run_->next(kSignalCheck); })) {
        unread_ = *records;
        ended_ = unread_.empty();
      }
    } catch (...) {
      failure_ = std::current_exception();
      ended_ = true;
    }
    if (was_interrupted()) end_input();
  }

  // The rows of the flows that are open still come, unless there is a second signal.
  void end_input() {
    if (std::exchange(interrupted_, true)) ended_ = true;
    run_->end_input();
  }

  void take_rows() {
    while (!unread_.empty() && table_.rows() < rows_) {
      table_.append(unread_.front());
      unread_ = unread_.subspan(1);
    }
  }

  // A reader cannot pass on an exception of Python, so the signal is raised again for it, once the reader has returned.
  [[noreturn]] static void interrupt_again() {
    PyErr_SetInterrupt();
    throw std::runtime_error("interrupted");
  }

  // Returns true if a handler of a signal has raised an exception.
  static bool was_interrupted() {
    const py::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() == 0) return false;
    PyErr_Clear();
    return true;
  }

  std::shared_ptr<Run> run_;
  const std::size_t rows_;
  const std::chrono::milliseconds delay_;
  ArrowTable table_;
  std::span<const FlowRecord> unread_;
  bool ended_ = false;
  bool interrupted_ = false;
  std::exception_ptr failure_;  // the error that ended the run
  std::string error_;
};

Stream& stream_of(ArrowArrayStream* stream) { return *static_cast<Stream*>(stream->private_data); }

int get_schema(ArrowArrayStream* stream, ArrowSchema* out) {
  *out = stream_of(stream).schema();
  return 0;
}

int get_next(ArrowArrayStream* stream, ArrowArray* out) {
  try {
    if (auto rows = stream_of(stream).next()) {
      *out = *rows;
    } else {
      out->release = nullptr;
    }
    return 0;
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  } catch (const std::exception& error) {
    stream_of(stream).set_error(error.what());
    return EIO;
  }
}

const char* get_last_error(ArrowArrayStream* stream) { return stream_of(stream).error(); }

void release(ArrowArrayStream* stream) {
  delete &stream_of(stream);
  stream->release = nullptr;
}

constexpr const char* kCapsuleName = "arrow_array_stream";

void free_capsule(PyObject* capsule) {
  auto* stream = static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(capsule, kCapsuleName));
  if (stream->release != nullptr) stream->release(stream);
  delete stream;
}

}  // namespace

py::capsule arrow_stream(std::shared_ptr<Run> run, std::size_t rows, AddressForm addresses,
                         std::chrono::milliseconds delay) {
  auto stream = std::make_unique<ArrowArrayStream>(
      ArrowArrayStream{.get_schema = get_schema,
                       .get_next = get_next,
                       .get_last_error = get_last_error,
                       .release = release,
                       .private_data = new Stream(std::move(run), rows, addresses, delay)});
  return py::capsule(stream.release(), kCapsuleName, free_capsule);
}

}  // namespace spanflow::python

#include "python/flow_iterator.h"

#include <new>

#include "base/error.h"
#include "python/python_type.h"

namespace spanflow::python {
namespace {

PyTypeObject* iterator_type = nullptr;

struct FlowIterator {
  PyObject_HEAD std::shared_ptr<Run> run;
  std::span<const FlowRecord> records;  // the records of the last batch that were not returned yet
};

FlowIterator* as_iterator(PyObject* self) { return reinterpret_cast<FlowIterator*>(self); }

// Fetches more records. Returns false at the end of the run, and with a Python exception after an error.
bool fetch(FlowIterator& iterator) {
  try {
    std::optional<std::span<const FlowRecord>> records;
    while (!records) records = wait_for_records(*iterator.run);
    iterator.records = *records;
    if (!records->empty()) return true;
  } catch (...) {
    set_python_error();
  }
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* trace = nullptr;
  PyErr_Fetch(&type, &value, &trace);
  iterator.run->close();
  PyErr_Restore(type, value, trace);
  return false;
}

PyObject* next_flow(PyObject* self) {
  FlowIterator& iterator = *as_iterator(self);
  if (iterator.records.empty() && !fetch(iterator)) return nullptr;
  const FlowRecord& record = iterator.records.front();
  iterator.records = iterator.records.subspan(1);
  return iterator.run->flow_of(record);
}

PyObject* close(PyObject* self, PyObject*) {
  as_iterator(self)->records = {};
  as_iterator(self)->run->close();
  Py_RETURN_NONE;
}

void free_iterator(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  as_iterator(self)->run->close();
  std::destroy_at(&as_iterator(self)->run);
  type->tp_free(self);
  Py_DECREF(type);
}

}  // namespace

void set_python_error() {
  try {
    throw;
  } catch (pybind11::error_already_set& error) {
    error.restore();
  } catch (const ConfigError& error) {
    PyErr_SetString(PyExc_ValueError, error.what());
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  }
}

std::optional<std::span<const FlowRecord>> wait_for_records(Run& run) {
  const auto records = without_gil([&run] { return run.next(kSignalCheck); });
  if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
  return records;
}

bool add_iterator_type(PyObject* module) {
  static PyMethodDef methods[] = {{"close", close, METH_NOARGS, "stops the capture"}, {nullptr, nullptr, 0, nullptr}};
  PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>("the flows of a run")},
                         {Py_tp_dealloc, reinterpret_cast<void*>(free_iterator)},
                         {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
                         {Py_tp_iternext, reinterpret_cast<void*>(next_flow)},
                         {Py_tp_methods, methods},
                         {0, nullptr}};
  iterator_type = add_type(module, "spanflow.FlowIterator", sizeof(FlowIterator), slots);
  return iterator_type != nullptr;
}

PyObject* iterate(std::shared_ptr<Run> run) {
  auto* iterator = reinterpret_cast<FlowIterator*>(iterator_type->tp_alloc(iterator_type, 0));
  if (iterator == nullptr) return nullptr;
  new (&iterator->run) std::shared_ptr<Run>(std::move(run));
  new (&iterator->records) std::span<const FlowRecord>();
  return reinterpret_cast<PyObject*>(iterator);
}

}  // namespace spanflow::python

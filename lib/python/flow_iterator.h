// The Python iterator over the flows of a run.
#pragma once

#include <Python.h>

#include <memory>

#include "python/run.h"

namespace spanflow::python {

// How long a signal may wait for its handler.
inline constexpr std::chrono::milliseconds kSignalCheck{50};

// Adds the type to the module. Returns false and sets a Python exception if this fails.
bool add_iterator_type(PyObject* module);

// Returns a new reference to an iterator. The run is closed when it ends, when the iterator is destroyed, or when
// Ctrl-C interrupts it.
PyObject* iterate(std::shared_ptr<Run> run);

// Waits for records without the GIL, which the caller holds. Handles signals meanwhile. Throws error_already_set after
// a signal's handler has raised, and the error of the run at its end.
std::optional<std::span<const FlowRecord>> wait_for_records(Run& run);

// Sets the Python exception for the C++ exception that is being handled: ValueError for wrong options, RuntimeError for
// inputs that cannot be read.
void set_python_error();

}  // namespace spanflow::python

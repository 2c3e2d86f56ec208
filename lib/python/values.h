// Makes Python objects from the values of fields and metrics.
#pragma once

#include <Python.h>

#include "sinks/value.h"

namespace spanflow::python {

// Returns a new reference: None for a missing value, int, float, str, or a list of these. nullptr and a Python
// exception if there is no memory.
PyObject* to_python(const FieldValue& value);
// Returns a new reference to the value of a user metric: an int if it is whole, None if it is missing, else a float.
PyObject* metric_to_python(double value);

}  // namespace spanflow::python

// Makes the Python types of the extension.
#pragma once

#include <Python.h>

namespace spanflow::python {

// Makes a type that only the extension makes objects of, adds it to the module, and returns it. Returns nullptr and
// sets a Python exception if this fails. `slots` end in {0, nullptr}; Python keeps pointers to the tables in them.
inline PyTypeObject* add_type(PyObject* module, const char* name, int size, PyType_Slot* slots, bool has_gc = false) {
  const unsigned long flags =
      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | (has_gc ? Py_TPFLAGS_HAVE_GC : 0);
  PyType_Spec spec{name, size, 0, static_cast<unsigned>(flags), slots};
  auto* type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (type == nullptr || PyModule_AddType(module, type) != 0) return nullptr;
  return type;
}

}  // namespace spanflow::python

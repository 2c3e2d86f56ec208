// The Python type of spanflow.nfstream's flows, whose attributes have nfstream's names.
#pragma once

#include <Python.h>

#include "spanflow/record.h"

namespace spanflow::python {

struct FlowObject;

// What plug-ins have set on a segment. Owns references to both.
struct PluginData {
  PyObject* udps = nullptr;     // flow.udps; nullptr without plug-ins
  PyObject* written = nullptr;  // a dict: values by the name of the attribute; nullptr: none

  void clear();
};

// Adds the type and the function that unpickles its objects to the module. Returns nullptr and sets a Python exception
// if this fails.
PyTypeObject* add_nfstream_flow_type(PyObject* module);

// Keeps what the user code of one packet has written, as nfstream does: attributes that are fixed when a flow begins
// keep a value that was written, the next packet sets all others again. Returns a new reference, or nullptr: nothing is
// kept.
PyObject* kept_after_packet(PyObject* written);
// Drops values that the end of the flow has replaced.
void drop_outdated(PyObject* written, const FlowRecord& record);

}  // namespace spanflow::python

// The Python types of flows: spanflow.Flow, and spanflow.nfstream's NFlow, whose attributes have nfstream's names.
#pragma once

#include <Python.h>

#include <array>
#include <memory>
#include <vector>

#include "config/config.h"
#include "sinks/field_table.h"
#include "spanflow/record.h"

namespace spanflow::python {

// What the flows of a run show.
struct Shape {
  // `names`: fields and sets of fields, as in the option output.fields.
  Shape(const Config& config, bool as_nfstream);

  Config config;
  std::vector<const Field*> selected;  // what str() and to_dict() show
  bool as_nfstream;
};

// A flow. It is either an open flow in the memory of a worker, while user code runs for one of its packets, or a record.
struct FlowObject {
  PyObject_HEAD
  std::shared_ptr<const Shape> shape;
  Flow* open;         // nullptr: the flow is the record
  FlowRecord record;  // of an open flow: room for a copy
  PyObject* udps;     // NFlow only: attributes of the user's plug-ins; may be nullptr

  // The values of the flow as a record. Of an open flow, the values of packets so far, without an application.
  const FlowRecord& values();
  MetricsView metrics() const { return open != nullptr ? open->metrics : record.metrics; }
};

// Adds the types to the module. Returns false and sets a Python exception if this fails.
bool add_flow_types(PyObject* module);

// Returns a new reference to a flow with a copy of the record. `udps` may be nullptr; the function takes the reference.
PyObject* flow_of_record(const std::shared_ptr<const Shape>& shape, const FlowRecord& record, PyObject* udps);

// The flow object that user code gets. One object serves all calls, unless user code keeps it: then it gets a copy of the
// flow, and the next call gets a new object. Needs the GIL.
class OpenFlow {
 public:
  explicit OpenFlow(std::shared_ptr<const Shape> shape) : shape_(std::move(shape)) {}
  ~OpenFlow();
  OpenFlow(const OpenFlow&) = delete;
  OpenFlow& operator=(const OpenFlow&) = delete;

  // Returns a borrowed reference to an object for this flow, or nullptr and sets an exception. `udps` may be nullptr.
  PyObject* show(Flow& flow, PyObject* udps);
  // Must be called after the user code, while the flow still exists.
  void hide();

 private:
  std::shared_ptr<const Shape> shape_;
  FlowObject* object_ = nullptr;
};

}  // namespace spanflow::python

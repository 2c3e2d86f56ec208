// The Python type of flows, spanflow.Flow, and what it shares with nfstream's.
#pragma once

#include <Python.h>

#include <array>
#include <memory>
#include <vector>

#include "config/config.h"
#include "metrics/flow_observer.h"
#include "python/nfstream_flow.h"
#include "sinks/field_table.h"
#include "spanflow/record.h"

namespace spanflow::python {

// The fields that the flows of a run show, and the configuration that decides which fields have values.
struct Shape {
  Shape(const Config& config, bool as_nfstream);

  Config config;
  std::vector<const Field*> selected;  // what str() and to_dict() show
  bool as_nfstream;
};

// A flow. It is either an open flow in the memory of a worker, while user code runs for one of its packets, or a
// record.
struct FlowObject {
  PyObject_HEAD std::shared_ptr<const Shape> shape;  // nullptr: an NFlow that was unpickled
  Flow* open;                                        // nullptr: the flow is the record
  const SegmentReader* reader;                       // of an open flow; may be nullptr
  bool is_read;                                      // true: the record has the reader's values
  bool has_ended;                                    // false: an open flow, or what user code has kept of it
  FlowRecord record;                                 // of an open flow: room for a copy
  std::unique_ptr<FlowExtras> extras;                // of the record of an open flow
  PluginData plugins;                                // NFlow only

  // The values of the flow as a record. Of an open flow, the values of packets so far that a Flow has.
  const FlowRecord& values();
  // Also the application, metadata and features of an open flow, if it has a reader.
  const FlowRecord& all_values();
  MetricsView metrics() const { return open != nullptr ? open->metrics : record.metrics; }
};

inline FlowObject* as_flow(PyObject* self) { return reinterpret_cast<FlowObject*>(self); }

// Adds the types to the module. Returns false and sets a Python exception if this fails.
bool add_flow_types(PyObject* module);

// Returns a new flow without values, or nullptr and sets an exception.
FlowObject* make_flow(PyTypeObject* type, const std::shared_ptr<const Shape>& shape);
void free_flow(PyObject* self);

// Returns a new reference to a flow with a copy of the record. Takes the references in `plugins`.
PyObject* flow_of_record(const std::shared_ptr<const Shape>& shape, const FlowRecord& record, PluginData plugins);

// The flow object that user code gets. One object serves all calls, unless user code keeps it: then it gets a copy of
// the flow, and the next call gets a new object. Needs the GIL.
class OpenFlow {
 public:
  explicit OpenFlow(std::shared_ptr<const Shape> shape) : shape_(std::move(shape)) {}
  ~OpenFlow();
  OpenFlow(const OpenFlow&) = delete;
  OpenFlow& operator=(const OpenFlow&) = delete;

  // Returns a borrowed reference to an object for this flow, or nullptr and sets an exception. `reader` may be nullptr.
  PyObject* show(Flow& flow, const SegmentReader* reader, const PluginData& plugins);
  // Must be called after the user code, while the flow still exists. Puts what it has written into `plugins`.
  void hide(PluginData& plugins);

 private:
  void detach();

  std::shared_ptr<const Shape> shape_;
  FlowObject* object_ = nullptr;
};

}  // namespace spanflow::python

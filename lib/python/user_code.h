// The user's Python functions that see packets and flows: user metrics, and plug-ins for nfstream.
#pragma once

#include <pybind11/pybind11.h>

#include <deque>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "metrics/flow_observer.h"
#include "python/flow_object.h"
#include "python/gil.h"
#include "python/packet_object.h"
#include "spanflow/streamer.h"

namespace spanflow::python {

// A user metric: `function` is called with each packet and its flow, and sets flow.metrics[name].
struct PythonMetric {
  std::string name;
  pybind11::object function;
};

// A plug-in. `on_init` is called with the first packet of a segment and its flow, `on_update` with each later one,
// `on_expire` with the finished flow, in the thread that reads the flows. A function may be None.
struct PythonPlugin {
  std::string name;
  pybind11::object on_init;
  pybind11::object on_update;
  pybind11::object on_expire;
};

// Calls the functions in the thread of a worker. If one raises, its traceback is logged, and it is not called again.
// Made and destroyed with the GIL. The worker takes the GIL once per burst, when it needs it first, and lets it go
// before it may have to wait.
class UserCode : public FlowObserver {
 public:
  // `new_udps` is called without arguments for each segment, if there are plug-ins: the result is flow.udps.
  UserCode(const std::shared_ptr<const Shape>& shape, std::vector<PythonMetric> metrics,
           std::vector<PythonPlugin> plugins, pybind11::object new_udps);
  ~UserCode() override;

  bool empty() const { return metrics_.empty() && plugins_.empty(); }
  // The metrics for a pipeline. The UserCode must outlive it.
  std::vector<UserMetric> metrics();

  std::uint64_t on_packet(std::uint32_t index, const PacketInfo& packet, bool is_first, Flow& flow,
                          const SegmentReader& reader) override;
  void on_end(std::uint32_t index, const Flow& flow) override;
  void end_burst() override { gil_.let_go(); }

  // Returns a new reference to the flow of the record, after the plug-ins have seen its end; nullptr and sets an
  // exception if there is no memory. Records must come in their order. Needs the GIL.
  PyObject* flow_of(const FlowRecord& record);

 private:
  struct Ended {
    std::uint64_t flow_id;
    std::uint32_t segment;
    PluginData plugins;
  };

  void call_metric(PythonMetric& metric, bool& warned, const PacketInfo& packet, Flow& flow);
  bool call_plugin(PythonPlugin& plugin, const pybind11::object& function, std::span<PyObject* const> arguments);
  PluginData take(const FlowRecord& record);

  std::shared_ptr<const Shape> shape_;
  WorkerGil gil_;
  OpenFlow open_flow_;
  OpenPacket open_packet_;
  std::vector<PythonMetric> metrics_;
  std::vector<PythonPlugin> plugins_;
  pybind11::object new_udps_;
  std::vector<PluginData> open_;  // of open segments, by index
  std::mutex mutex_;              // guards ended_
  std::deque<Ended> ended_;       // segments whose records are on their way, in order
  std::uint64_t off_at_end_ = 0;  // plug-ins that on_expire has switched off, not counted yet; guarded by the GIL
};

}  // namespace spanflow::python

#include "python/user_code.h"

#include <array>
#include <memory>
#include <stdexcept>
#include <utility>

namespace spanflow::python {
namespace {

namespace py = pybind11;

// Logs the Python exception with its traceback, clears it, and returns it in one line: "ZeroDivisionError: division by
// zero".
std::string report_exception(const std::string& what) {
  const py::error_already_set error;
  if (error.trace()) PyException_SetTraceback(error.value().ptr(), error.trace().ptr());
  std::string line = "an exception";
  try {
    line =
        py::str(error.type().attr("__name__")).cast<std::string>() + ": " + py::str(error.value()).cast<std::string>();
    py::module_::import("logging")
        .attr("getLogger")("spanflow")
        .attr("error")("%s raised an exception", what, py::arg("exc_info") = error.value());
  } catch (py::error_already_set& second) {
    second.discard_as_unraisable("spanflow");
  }
  return line.substr(0, line.find('\n'));
}

// Warns at the place of the function. Returns false if a filter of warnings makes an exception of it.
bool warn_of_none(const PythonMetric& metric) {
  const std::string text = "user metric " + metric.name + " returned None: a user metric should return the flow";
  const py::object code = py::getattr(metric.function, "__code__", py::none());
  if (code.is_none()) return PyErr_WarnEx(PyExc_RuntimeWarning, text.c_str(), 1) == 0;
  return PyErr_WarnExplicitObject(PyExc_RuntimeWarning, py::str(text).ptr(), code.attr("co_filename").ptr(),
                                  code.attr("co_firstlineno").cast<int>(), nullptr, nullptr) == 0;
}

}  // namespace

UserCode::UserCode(const std::shared_ptr<const Shape>& shape, std::vector<PythonMetric> metrics,
                   std::vector<PythonPlugin> plugins, py::object new_udps)
    : shape_(shape),
      open_flow_(shape),
      open_packet_(shape->as_nfstream),
      metrics_(std::move(metrics)),
      plugins_(std::move(plugins)),
      new_udps_(std::move(new_udps)) {}

UserCode::~UserCode() {
  for (PluginData& plugins : open_) plugins.clear();
  for (Ended& ended : ended_) ended.plugins.clear();
}

std::vector<UserMetric> UserCode::metrics() {
  std::vector<UserMetric> callbacks;
  for (PythonMetric& metric : metrics_) {
    callbacks.push_back({metric.name, [this, &metric, warned = false](const PacketInfo& packet, Flow& flow) mutable {
                           call_metric(metric, warned, packet, flow);
                         }});
  }
  return callbacks;
}

// Throws std::runtime_error if the function raises: the pipeline then switches the metric off and counts it.
void UserCode::call_metric(PythonMetric& metric, bool& warned, const PacketInfo& packet, Flow& flow) {
  gil_.hold();
  PyObject* const arguments[] = {open_packet_.show(packet, flow), open_flow_.show(flow, nullptr, {})};
  if (arguments[0] == nullptr || arguments[1] == nullptr) throw std::runtime_error(report_exception(metric.name));
  PyObject* result = PyObject_Vectorcall(metric.function.ptr(), arguments, 2, nullptr);
  const bool raised = result == nullptr;
  const bool returned_none = result == Py_None;
  Py_XDECREF(result);  // before hide(), because the function usually returns the flow
  open_packet_.hide();
  PluginData nothing;
  open_flow_.hide(nothing);
  const bool warns = returned_none && !std::exchange(warned, true);
  if (raised || (warns && !warn_of_none(metric))) {
    throw std::runtime_error(report_exception("user metric " + metric.name));
  }
}

std::uint64_t UserCode::on_packet(std::uint32_t index, const PacketInfo& packet, bool is_first, Flow& flow,
                                  const SegmentReader& reader) {
  if (plugins_.empty()) return 0;
  gil_.hold();
  if (index >= open_.size()) open_.resize(index + 1);
  PluginData& data = open_[index];
  if (is_first) data.udps = PyObject_CallNoArgs(new_udps_.ptr());
  const std::array shown = {open_packet_.show(packet, flow), open_flow_.show(flow, &reader, data)};
  std::uint64_t switched_off = std::exchange(off_at_end_, 0);
  for (PythonPlugin& plugin : plugins_) {
    if (!call_plugin(plugin, is_first ? plugin.on_init : plugin.on_update, shown)) ++switched_off;
  }
  open_packet_.hide();
  open_flow_.hide(data);
  return switched_off;
}

// Returns false if the plug-in raised: none of its functions is called again.
bool UserCode::call_plugin(PythonPlugin& plugin, const py::object& function, std::span<PyObject* const> arguments) {
  if (function.is_none()) return true;
  PyObject* result = PyObject_Vectorcall(function.ptr(), arguments.data(), arguments.size(), nullptr);
  Py_XDECREF(result);
  if (result != nullptr) return true;
  report_exception("plug-in " + plugin.name + " is switched off: it");
  plugin.on_init = plugin.on_update = plugin.on_expire = py::none();
  return false;
}

void UserCode::on_end(std::uint32_t index, const Flow& flow) {
  if (index < open_.size()) {
    const std::lock_guard lock(mutex_);
    ended_.push_back({flow.flow_id, flow.segment, std::exchange(open_[index], {})});
  }
  gil_.let_go();  // the worker may now wait for the reader of records, which needs the GIL
}

PyObject* UserCode::flow_of(const FlowRecord& record) {
  const std::array flow = {flow_of_record(shape_, record, take(record))};
  if (flow[0] == nullptr) return nullptr;
  for (PythonPlugin& plugin : plugins_) {
    if (!call_plugin(plugin, plugin.on_expire, flow)) ++off_at_end_;
  }
  return flow[0];
}

// Segments whose records were dropped come before the segment of this record.
PluginData UserCode::take(const FlowRecord& record) {
  const std::lock_guard lock(mutex_);
  while (!ended_.empty()) {
    Ended ended = ended_.front();
    ended_.pop_front();
    if (ended.flow_id == record.flow_id && ended.segment == record.segment) return ended.plugins;
    ended.plugins.clear();
  }
  return {};
}

}  // namespace spanflow::python

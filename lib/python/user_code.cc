#include "python/user_code.h"

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
    line = py::str(error.type().attr("__name__")).cast<std::string>() + ": " +
           py::str(error.value()).cast<std::string>();
    py::module_::import("logging").attr("getLogger")("spanflow").attr("error")("%s raised an exception", what,
                                                                              py::arg("exc_info") = error.value());
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

UserCode::UserCode(std::shared_ptr<const Shape> shape, std::vector<PythonMetric> metrics,
                   std::vector<PythonPlugin> plugins, py::object new_udps)
    : open_flow_(shape),
      open_packet_(shape->as_nfstream),
      metrics_(std::move(metrics)),
      plugins_(std::move(plugins)),
      new_udps_(std::move(new_udps)) {}

UserCode::~UserCode() {
  for (PyObject* udps : open_udps_) Py_XDECREF(udps);
  for (const Ended& ended : ended_) Py_XDECREF(ended.udps);
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
  PyObject* const arguments[] = {open_packet_.show(packet, flow), open_flow_.show(flow, nullptr)};
  if (arguments[0] == nullptr || arguments[1] == nullptr) throw std::runtime_error(report_exception(metric.name));
  PyObject* result = PyObject_Vectorcall(metric.function.ptr(), arguments, 2, nullptr);
  const bool raised = result == nullptr;
  const bool returned_none = result == Py_None;
  Py_XDECREF(result);  // before hide(), because the function usually returns the flow
  open_packet_.hide();
  open_flow_.hide();
  const bool warns = returned_none && !std::exchange(warned, true);
  if (raised || (warns && !warn_of_none(metric))) {
    throw std::runtime_error(report_exception("user metric " + metric.name));
  }
}

std::uint64_t UserCode::on_packet(std::uint32_t index, const PacketInfo& packet, bool is_first, Flow& flow) {
  if (plugins_.empty()) return 0;
  gil_.hold();
  if (index >= open_udps_.size()) open_udps_.resize(index + 1, nullptr);
  if (is_first) Py_XSETREF(open_udps_[index], PyObject_CallNoArgs(new_udps_.ptr()));
  PyObject* shown_packet = open_packet_.show(packet, flow);
  PyObject* shown_flow = open_flow_.show(flow, open_udps_[index]);
  std::uint64_t switched_off = 0;
  for (PythonPlugin& plugin : plugins_) switched_off += call_plugin(plugin, is_first, shown_packet, shown_flow) ? 0 : 1;
  open_packet_.hide();
  open_flow_.hide();
  return switched_off;
}

// Returns false if the plug-in raised: it is not called again.
bool UserCode::call_plugin(PythonPlugin& plugin, bool is_first, PyObject* packet, PyObject* flow) {
  const py::object& function = is_first ? plugin.on_init : plugin.on_update;
  if (function.is_none()) return true;
  PyObject* const arguments[] = {packet, flow};
  PyObject* result = PyObject_Vectorcall(function.ptr(), arguments, 2, nullptr);
  Py_XDECREF(result);
  if (result != nullptr) return true;
  report_exception("plug-in " + plugin.name + " is switched off: it");
  plugin.on_init = plugin.on_update = py::none();
  return false;
}

void UserCode::on_end(std::uint32_t index, const Flow& flow) {
  if (index < open_udps_.size()) {
    const std::lock_guard lock(mutex_);
    ended_.push_back({flow.flow_id, flow.segment, std::exchange(open_udps_[index], nullptr)});
  }
  gil_.let_go();  // the worker may now wait for the reader of records, which needs the GIL
}

// Segments whose records were dropped come before the segment of this record.
PyObject* UserCode::take_udps(const FlowRecord& record) {
  const std::lock_guard lock(mutex_);
  while (!ended_.empty()) {
    const Ended ended = ended_.front();
    ended_.pop_front();
    if (ended.flow_id == record.flow_id && ended.segment == record.segment) return ended.udps;
    Py_XDECREF(ended.udps);
  }
  return nullptr;
}

}  // namespace spanflow::python

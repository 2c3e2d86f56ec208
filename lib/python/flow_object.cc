#include "python/flow_object.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <new>
#include <string>

#include "python/python_type.h"
#include "python/values.h"
#include "sinks/field_selection.h"
#include "sinks/record_text.h"

namespace spanflow::python {
namespace {

PyTypeObject* flow_type = nullptr;
PyTypeObject* nfstream_flow_type = nullptr;
PyTypeObject* metrics_type = nullptr;

PyTypeObject* type_for(const Shape& shape) { return shape.as_nfstream ? nfstream_flow_type : flow_type; }

PyObject* text_of(const TextBuffer& text) {
  return PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
}

// The metrics of a flow, by name. Holds a reference to the flow.
struct MetricsObject {
  PyObject_HEAD FlowObject* flow;
};

MetricsView metrics_of(PyObject* self) { return reinterpret_cast<MetricsObject*>(self)->flow->metrics(); }

// Returns the position of the metric with this name; -1 and sets KeyError if there is none.
std::ptrdiff_t metric_position(PyObject* self, PyObject* name) {
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(name, &size);
  if (text == nullptr) return -1;
  const MetricsView metrics = metrics_of(self);
  const std::string_view wanted(text, static_cast<std::size_t>(size));
  for (std::size_t at = 0; at < metrics.size(); ++at) {
    if (metrics.name(at) == wanted) return static_cast<std::ptrdiff_t>(at);
  }
  PyErr_SetObject(PyExc_KeyError, name);
  return -1;
}

PyObject* metric(PyObject* self, PyObject* name) {
  const std::ptrdiff_t at = metric_position(self, name);
  return at < 0 ? nullptr : metric_to_python(metrics_of(self).value(static_cast<std::size_t>(at)));
}

int set_metric(PyObject* self, PyObject* name, PyObject* value) {
  const std::ptrdiff_t at = metric_position(self, name);
  if (at < 0) return -1;
  if (value == nullptr) {
    PyErr_SetString(PyExc_TypeError, "a metric cannot be deleted");
    return -1;
  }
  const double number = PyFloat_AsDouble(value);
  if (number == -1.0 && PyErr_Occurred() != nullptr) return -1;
  MetricsView metrics = metrics_of(self);
  metrics[metrics.name(static_cast<std::size_t>(at))] = number;
  return 0;
}

Py_ssize_t metric_count(PyObject* self) { return static_cast<Py_ssize_t>(metrics_of(self).size()); }

PyObject* metrics_as_dict(PyObject* self, PyObject*) {
  const MetricsView metrics = metrics_of(self);
  PyObject* dict = PyDict_New();
  for (std::size_t at = 0; dict != nullptr && at < metrics.size(); ++at) {
    PyObject* value = metric_to_python(metrics.value(at));
    if (value != nullptr) PyDict_SetItemString(dict, std::string(metrics.name(at)).c_str(), value);
    Py_XDECREF(value);
  }
  return dict;
}

// Calls the method of the metrics as a dict: keys, values, items.
template <auto view>
PyObject* view_of_metrics(PyObject* self, PyObject*) {
  PyObject* dict = metrics_as_dict(self, nullptr);
  PyObject* result = dict == nullptr ? nullptr : view(dict);
  Py_XDECREF(dict);
  return result;
}

PyObject* iterate_metrics(PyObject* self) {
  PyObject* names = view_of_metrics<PyDict_Keys>(self, nullptr);
  PyObject* iterator = names == nullptr ? nullptr : PyObject_GetIter(names);
  Py_XDECREF(names);
  return iterator;
}

PyObject* show_metrics(PyObject* self) { return view_of_metrics<PyObject_Repr>(self, nullptr); }

int has_metric(PyObject* self, PyObject* name) {
  if (!PyUnicode_Check(name)) return 0;
  if (metric_position(self, name) >= 0) return 1;
  PyErr_Clear();
  return 0;
}

PyObject* get_metric(PyObject* self, PyObject* arguments) {
  PyObject* name = nullptr;
  PyObject* instead = Py_None;
  if (PyArg_ParseTuple(arguments, "O|O", &name, &instead) == 0) return nullptr;
  if (has_metric(self, name) == 1) return metric(self, name);
  return Py_NewRef(instead);
}

void free_metrics(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  Py_DECREF(reinterpret_cast<PyObject*>(reinterpret_cast<MetricsObject*>(self)->flow));
  type->tp_free(self);
  Py_DECREF(type);
}

// How a user gets a field whose group is off.
std::string_view remedy(FieldGroup group) {
  switch (group) {
    case FieldGroup::kLive:
      return "only a live capture has it";
    case FieldGroup::kTunnels:
      return "it needs the option decode.tunnels";
    case FieldGroup::kDpi:
      return "it needs the option dpi.enabled";
    case FieldGroup::kMetadata:
      return "it needs the options dpi.enabled and dpi.metadata";
    case FieldGroup::kNames:
    case FieldGroup::kReaders:
    case FieldGroup::kDnsNames:
      return "it needs the option features.names";
    case FieldGroup::kStatistics:
    case FieldGroup::kMillisecondGaps:
      return "it needs the option features.statistics";
    case FieldGroup::kEarlyPackets:
      return "it needs the option features.splt";
    case FieldGroup::kTcp:
      return "it needs the option features.tcp";
    case FieldGroup::kClassic:
    case FieldGroup::kFlow:
      break;
  }
  return "this run does not have it";
}

PyObject* get_field(PyObject* self, void* closure) {
  const auto& field = *static_cast<const Field*>(closure);
  FlowObject* flow = as_flow(self);
  if (!is_on(field.group, flow->shape->config)) {
    const std::string name(field.name);
    const std::string why(remedy(field.group));
    PyErr_Format(PyExc_AttributeError, "%s: %s", name.c_str(), why.c_str());
    return nullptr;
  }
  return to_python(field.value(flow->values()));
}

PyObject* get_metrics(PyObject* self, void*) {
  auto* metrics = reinterpret_cast<MetricsObject*>(metrics_type->tp_alloc(metrics_type, 0));
  if (metrics == nullptr) return nullptr;
  Py_INCREF(self);
  metrics->flow = as_flow(self);
  return reinterpret_cast<PyObject*>(metrics);
}

PyObject* finish(PyObject* self, PyObject*) {
  if (as_flow(self)->open != nullptr) as_flow(self)->open->finish();
  Py_RETURN_NONE;
}

// Returns the fields with these names. Throws pybind11::key_error for a name that no field and no set has.
std::vector<const Field*> fields_named(const FlowObject& flow, PyObject* names) {
  if (names == Py_None) return flow.shape->selected;
  const bool is_one = PyUnicode_Check(names) != 0;
  const auto all =
      is_one ? std::vector{pybind11::cast<std::string>(names)} : pybind11::cast<std::vector<std::string>>(names);
  for (const std::string& name : all) {
    const bool is_set = std::ranges::find(kFieldSets, name) != kFieldSets.end();
    if (!is_set && std::ranges::find(fields(), name, &Field::name) == fields().end()) throw pybind11::key_error(name);
  }
  return select_fields(all, flow.shape->config);
}

PyObject* dict_of(FlowObject& flow, const std::vector<const Field*>& fields) {
  PyObject* dict = PyDict_New();
  for (const Field* field : fields) {
    PyObject* value = dict == nullptr ? nullptr : to_python(field->value(flow.values()));
    if (value != nullptr) PyDict_SetItemString(dict, std::string(field->name).c_str(), value);
    Py_XDECREF(value);
  }
  return dict;
}

PyObject* to_dict(PyObject* self, PyObject* arguments, PyObject* named) {
  static const char* names_of_arguments[] = {"fields", nullptr};
  PyObject* names = Py_None;
  if (PyArg_ParseTupleAndKeywords(arguments, named, "|O", const_cast<char**>(names_of_arguments), &names) == 0) {
    return nullptr;
  }
  FlowObject* flow = as_flow(self);
  PyObject* dict = nullptr;
  try {
    dict = dict_of(*flow, fields_named(*flow, names));
  } catch (const pybind11::key_error& error) {
    PyErr_SetString(PyExc_KeyError, error.what());
  } catch (const pybind11::cast_error&) {
    PyErr_SetString(PyExc_TypeError, "to_dict() expects the name of a field or of a set of fields, or a list of names");
  }
  if (dict == nullptr || flow->metrics().size() == 0) return dict;
  PyObject* metrics = get_metrics(self, nullptr);
  PyObject* values = metrics == nullptr ? nullptr : metrics_as_dict(metrics, nullptr);
  if (values != nullptr) PyDict_SetItemString(dict, "metrics", values);
  Py_XDECREF(values);
  Py_XDECREF(metrics);
  return dict;
}

PyObject* get_item(PyObject* self, PyObject* name) {
  PyObject* value = PyObject_GetAttr(self, name);
  if (value != nullptr || PyErr_ExceptionMatches(PyExc_AttributeError) == 0) return value;
  PyErr_SetObject(PyExc_KeyError, name);
  return nullptr;
}

PyObject* show_json(PyObject* self) {
  FlowObject* flow = as_flow(self);
  TextBuffer text;
  const FlowRecord& record = flow->values();
  append_json(TextWriter(text), record, flow->shape->selected).finish();
  return text_of(text);
}

PyObject* show_short(PyObject* self) {
  const FlowRecord& record = as_flow(self)->values();
  TextBuffer text;
  TextWriter out(text);
  const auto append_side = [&](const IpAddress& address, std::uint16_t port) {
    if (record.ip_version == 6) out.push_back('[');
    out = append_address(out, address, record.ip_version);
    if (record.ip_version == 6) out.push_back(']');
    out.push_back(':');
    out = append_plain(out, std::uint64_t{port});
  };
  out.append("<Flow ");
  append_side(record.ip_src, record.src_port);
  out.append(" -> ");
  append_side(record.ip_dst, record.dst_port);
  out.append(" protocol ");
  out = append_plain(out, std::uint64_t{record.ip_protocol});
  out.append(", ");
  if (record.has_application) {
    out.append(record.application_name);
    out.append(", ");
  }
  out = append_plain(out, record.src_to_dst.pkts + record.dst_to_src.pkts);
  out.append(" packets>");
  out.finish();
  return text_of(text);
}

// Notebooks call this.
PyObject* show_html(PyObject* self, PyObject*) {
  PyObject* values = PyObject_CallMethod(self, "to_dict", nullptr);
  PyObject* module = values == nullptr ? nullptr : PyImport_ImportModule("spanflow.html_table");
  PyObject* table = module == nullptr ? nullptr : PyObject_CallMethod(module, "of_flow", "O", values);
  Py_XDECREF(module);
  Py_XDECREF(values);
  return table;
}

// Names and help texts for Python, which wants texts that end in 0 and live for ever.
const char* kept(std::string_view text) {
  static auto& texts = *new std::vector<std::unique_ptr<std::string>>;
  return texts.emplace_back(std::make_unique<std::string>(text))->c_str();
}

// Python keeps a pointer to the array.
std::vector<PyGetSetDef>& attributes(std::span<const Field> fields) {
  auto& attributes = *new std::vector<PyGetSetDef>;
  for (const Field& field : fields) {
    std::string help(field.help);
    if (!field.unit.empty()) help += " (" + std::string(field.unit) + ")";
    attributes.push_back({kept(field.name), get_field, nullptr, kept(help), const_cast<Field*>(&field)});
  }
  return attributes;
}

PyTypeObject* add_flow_type(PyObject* module, std::vector<PyGetSetDef>& attributes) {
  static PyMethodDef methods[] = {
      {"to_dict", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(to_dict)), METH_VARARGS | METH_KEYWORDS,
       "the fields and the metrics as a dict; missing values are None"},
      {"finish", finish, METH_NOARGS, "for a user metric: ends the flow with the current packet"},
      {"_repr_html_", show_html, METH_NOARGS, "the fields and the metrics as a table of HTML"},
      {nullptr, nullptr, 0, nullptr}};
  attributes.push_back({nullptr, nullptr, nullptr, nullptr, nullptr});
  PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>("One record: a segment of a flow.")},
                         {Py_tp_dealloc, reinterpret_cast<void*>(free_flow)},
                         {Py_tp_str, reinterpret_cast<void*>(show_json)},
                         {Py_tp_repr, reinterpret_cast<void*>(show_short)},
                         {Py_mp_subscript, reinterpret_cast<void*>(get_item)},
                         {Py_tp_methods, methods},
                         {Py_tp_getset, attributes.data()},
                         {0, nullptr}};
  return add_type(module, "spanflow.Flow", sizeof(FlowObject), slots);
}

PyTypeObject* add_metrics_type(PyObject* module) {
  static PyMethodDef methods[] = {
      {"to_dict", metrics_as_dict, METH_NOARGS, "the metrics as a dict"},
      {"keys", view_of_metrics<PyDict_Keys>, METH_NOARGS, "the names"},
      {"values", view_of_metrics<PyDict_Values>, METH_NOARGS, "the values"},
      {"items", view_of_metrics<PyDict_Items>, METH_NOARGS, "pairs of name and value"},
      {"get", get_metric, METH_VARARGS, "the value of a metric, or the second argument if there is no such metric"},
      {nullptr, nullptr, 0, nullptr}};
  PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>("the user metrics of a flow, by name")},
                         {Py_tp_dealloc, reinterpret_cast<void*>(free_metrics)},
                         {Py_tp_repr, reinterpret_cast<void*>(show_metrics)},
                         {Py_tp_iter, reinterpret_cast<void*>(iterate_metrics)},
                         {Py_mp_subscript, reinterpret_cast<void*>(metric)},
                         {Py_mp_ass_subscript, reinterpret_cast<void*>(set_metric)},
                         {Py_mp_length, reinterpret_cast<void*>(metric_count)},
                         {Py_sq_contains, reinterpret_cast<void*>(has_metric)},
                         {Py_tp_methods, methods},
                         {0, nullptr}};
  return add_type(module, "spanflow.Metrics", sizeof(MetricsObject), slots);
}

}  // namespace

Shape::Shape(const Config& run, bool nfstream)
    : config(run), selected(select_fields(run.output.fields, run)), as_nfstream(nfstream) {}

FlowObject* make_flow(PyTypeObject* type, const std::shared_ptr<const Shape>& shape) {
  auto* flow = reinterpret_cast<FlowObject*>(type->tp_alloc(type, 0));
  if (flow == nullptr) return nullptr;
  new (&flow->shape) std::shared_ptr<const Shape>(shape);
  new (&flow->record) FlowRecord();
  new (&flow->extras) std::unique_ptr<FlowExtras>();
  return flow;
}

void free_flow(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  if (PyType_IS_GC(type)) PyObject_GC_UnTrack(self);
  FlowObject* flow = as_flow(self);
  flow->plugins.clear();
  std::destroy_at(&flow->shape);
  std::destroy_at(&flow->record);
  std::destroy_at(&flow->extras);
  type->tp_free(self);
  Py_DECREF(type);
}

const FlowRecord& FlowObject::values() {
  if (open == nullptr) return record;
  static_cast<Flow&>(record) = *open;
  record.end_reason = open->ends_now ? EndReason::kPlugin : EndReason::kInactive;
  return record;
}

const FlowRecord& FlowObject::all_values() {
  values();
  if (open == nullptr || reader == nullptr || std::exchange(is_read, true)) return record;
  if (extras == nullptr) extras = std::make_unique<FlowExtras>();
  reader->read(record, *extras);
  return record;
}

bool add_flow_types(PyObject* module) {
  metrics_type = add_metrics_type(module);
  auto& own = attributes(fields());
  own.push_back({"metrics", get_metrics, nullptr, "the user metrics, by name", nullptr});
  flow_type = add_flow_type(module, own);
  nfstream_flow_type = add_nfstream_flow_type(module);
  return metrics_type != nullptr && flow_type != nullptr && nfstream_flow_type != nullptr;
}

PyObject* flow_of_record(const std::shared_ptr<const Shape>& shape, const FlowRecord& record, PluginData plugins) {
  FlowObject* flow = make_flow(type_for(*shape), shape);
  if (flow == nullptr) {
    plugins.clear();
    return nullptr;
  }
  flow->record = record;
  flow->has_ended = true;
  flow->plugins = plugins;
  if (plugins.written != nullptr) drop_outdated(plugins.written, record);
  return reinterpret_cast<PyObject*>(flow);
}

OpenFlow::~OpenFlow() { Py_XDECREF(reinterpret_cast<PyObject*>(object_)); }

PyObject* OpenFlow::show(Flow& flow, const SegmentReader* reader, const PluginData& plugins) {
  if (object_ == nullptr) object_ = make_flow(type_for(*shape_), shape_);
  if (object_ == nullptr) return nullptr;
  object_->open = &flow;
  object_->reader = reader;
  object_->is_read = false;
  PluginData& shown = object_->plugins;
  if (shown.udps != plugins.udps) Py_XSETREF(shown.udps, Py_XNewRef(plugins.udps));
  if (shown.written != plugins.written) Py_XSETREF(shown.written, Py_XNewRef(plugins.written));
  return reinterpret_cast<PyObject*>(object_);
}

void OpenFlow::hide(PluginData& plugins) {
  if (object_->plugins.written != nullptr) {
    Py_XSETREF(plugins.written, kept_after_packet(object_->plugins.written));
  }
  if (Py_REFCNT(object_) > 1) return detach();
  object_->open = nullptr;
}

// Gives the flow to the user code that keeps it.
void OpenFlow::detach() {
  object_->all_values();
  FlowRecord copy(object_->record);  // a copy owns its metrics and extras
  object_->record = std::move(copy);
  object_->extras.reset();
  object_->open = nullptr;
  Py_DECREF(std::exchange(object_, nullptr));
}

}  // namespace spanflow::python

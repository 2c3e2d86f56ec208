#include "python/nfstream_flow.h"

#include <pybind11/pybind11.h>

#include <cstring>
#include <string>
#include <vector>

#include "python/flow_object.h"
#include "python/python_type.h"
#include "python/values.h"
#include "sinks/field_selection.h"
#include "sinks/nfstream_columns.h"

namespace spanflow::python {
namespace {

namespace py = pybind11;

// An attribute of the type.
struct Column {
  const Field* field;
  PyObject* name;
  bool is_fixed;  // true: its value does not change after a flow's first packet
};

PyTypeObject* column_flow_type = nullptr;
PyObject* restore_function = nullptr;
PyObject* deleted_mark = nullptr;  // in `written`, the value of an attribute that was deleted

// In the order of nfstream_columns(). Python keeps pointers to the elements.
const std::vector<Column>& columns() {
  static const auto& columns = *new auto([] {
    std::vector<Column> made;
    bool is_fixed = true;
    for (const Field& field : nfstream_columns()) {
      made.push_back({&field, PyUnicode_InternFromString(std::string(field.name).c_str()), is_fixed});
      is_fixed = is_fixed && field.name != "bidirectional_first_seen_ms";
    }
    return made;
  }());
  return columns;
}

bool is_named(const Column& column, std::string_view name) { return column.field->name == name; }

bool is_in_flow(FieldGroup group) { return group == FieldGroup::kClassic || group == FieldGroup::kTunnels; }

PyObject* no_attribute(PyObject* name) {
  PyErr_Format(PyExc_AttributeError, "'NFlow' object has no attribute '%U'", name);
  return nullptr;
}

// nfstream has no missing values. nDPI has found nothing yet where a text is missing.
PyObject* instead_of_none(const Column& column, const Config& config) {
  switch (column.field->type) {
    case FieldType::kReal:
      return PyFloat_FromDouble(0);
    case FieldType::kText:
    case FieldType::kLabel:
      return PyUnicode_New(0, 0);
    case FieldType::kEarlyPackets:
      return to_python(EarlyPacketsValue{{}, early_size, static_cast<std::size_t>(config.features.splt)});
    default:
      return PyLong_FromLong(0);
  }
}

// Returns the value that was written, as a borrowed reference; nullptr if there is none.
PyObject* written_value(const FlowObject& flow, const Column& column) {
  return flow.plugins.written == nullptr ? nullptr : PyDict_GetItemWithError(flow.plugins.written, column.name);
}

PyObject* column_value(FlowObject& flow, const Column& column) {
  if (PyObject* written = written_value(flow, column)) {
    return written == deleted_mark ? no_attribute(column.name) : Py_NewRef(written);
  }
  if (flow.shape == nullptr || !is_on(column.field->group, flow.shape->config)) return no_attribute(column.name);
  if (!flow.has_ended && is_named(column, "id")) return PyLong_FromLong(-1);  // it gets one when it ends
  const FlowRecord& record = is_in_flow(column.field->group) ? flow.values() : flow.all_values();
  const FieldValue value = column.field->value(record);
  return std::holds_alternative<std::monostate>(value) ? instead_of_none(column, flow.shape->config) : to_python(value);
}

PyObject* get_column(PyObject* self, void* closure) {
  return column_value(*as_flow(self), *static_cast<const Column*>(closure));
}

// A plug-in ends the flow with -1. As in nfstream, the last plug-in to set the id decides.
bool set_end(FlowObject& flow, PyObject* value) {
  const long number = PyLong_AsLong(value);
  if (number == -1 && PyErr_Occurred() != nullptr) return false;
  flow.open->ends_now = number == -1;
  return true;
}

int set_column(PyObject* self, PyObject* value, void* closure) {
  FlowObject& flow = *as_flow(self);
  const auto& column = *static_cast<const Column*>(closure);
  if (flow.open != nullptr && value != nullptr && is_named(column, "expiration_id") && !set_end(flow, value)) return -1;
  if (value == nullptr) {
    PyObject* current = column_value(flow, column);
    if (current == nullptr) return -1;
    Py_DECREF(current);
  }
  if (flow.plugins.written == nullptr) flow.plugins.written = PyDict_New();
  if (flow.plugins.written == nullptr) return -1;
  return PyDict_SetItem(flow.plugins.written, column.name, value == nullptr ? deleted_mark : value);
}

PyObject* get_udps(PyObject* self, void*) {
  PyObject* udps = as_flow(self)->plugins.udps;
  return udps != nullptr ? Py_NewRef(udps) : no_attribute(py::str("udps").ptr());
}

// Calls `take` with the name and the value of each column. Throws error_already_set.
template <typename Take>
void for_each_column(FlowObject& flow, Take take) {
  for (const Column& column : columns()) {
    if (PyObject* value = column_value(flow, column)) {
      take(py::reinterpret_borrow<py::str>(column.name), py::reinterpret_steal<py::object>(value));
    } else if (PyErr_ExceptionMatches(PyExc_AttributeError) != 0) {
      PyErr_Clear();
    } else {
      throw py::error_already_set();
    }
  }
}

// Calls `take` for each column, and then for each attribute of udps.
template <typename Take>
void for_each_value(FlowObject& flow, Take take) {
  for_each_column(flow, take);
  if (flow.plugins.udps == nullptr) return;
  const py::dict udps = py::reinterpret_borrow<py::object>(flow.plugins.udps).attr("__dict__");
  for (const auto& [name, value] : udps) {
    take(py::str("udps.{}").format(name), py::reinterpret_borrow<py::object>(value));
  }
}

// Returns the result of `make`, or nullptr if it raises.
template <typename Make>
PyObject* or_exception(Make make) {
  try {
    return py::object(make()).release().ptr();
  } catch (py::error_already_set& error) {
    error.restore();
    return nullptr;
  }
}

PyObject* column_names(PyObject* self, PyObject*) {
  return or_exception([self] {
    py::list names;
    for_each_value(*as_flow(self), [&](const py::str& name, const py::object&) { names.append(name); });
    return names;
  });
}

PyObject* column_values(PyObject* self, PyObject*) {
  return or_exception([self] {
    py::list values;
    for_each_value(*as_flow(self), [&](const py::str&, const py::object& value) { values.append(value); });
    return values;
  });
}

PyObject* show_columns(PyObject* self) {
  return or_exception([self] {
    py::list parts;
    for_each_value(*as_flow(self), [&](const py::str& name, const py::object& value) {
      parts.append(py::str("{}={}").format(name, py::str(value)));
    });
    return py::str("NFlow({})").format(py::str(",\n      ").attr("join")(parts));
  });
}

// For pickle and copy: the values of all columns, and udps.
PyObject* reduce_flow(PyObject* self, PyObject*) {
  return or_exception([self] {
    FlowObject& flow = *as_flow(self);
    PyObject* udps = flow.plugins.udps == nullptr ? Py_None : flow.plugins.udps;
    py::dict columns;
    for_each_column(flow, [&](const py::str& name, const py::object& value) { columns[name] = value; });
    return py::make_tuple(py::handle(restore_function), py::make_tuple(columns, py::handle(udps)));
  });
}

PyObject* restore_flow(PyObject*, PyObject* arguments) {
  PyObject* columns = nullptr;
  PyObject* udps = nullptr;
  if (PyArg_ParseTuple(arguments, "O!O", &PyDict_Type, &columns, &udps) == 0) return nullptr;
  FlowObject* flow = make_flow(column_flow_type, nullptr);
  if (flow == nullptr) return nullptr;
  flow->plugins = {.udps = udps == Py_None ? nullptr : Py_NewRef(udps), .written = Py_NewRef(columns)};
  return reinterpret_cast<PyObject*>(flow);
}

int traverse_plugins(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(as_flow(self)->plugins.udps);
  Py_VISIT(as_flow(self)->plugins.written);
  Py_VISIT(Py_TYPE(self));
  return 0;
}

int clear_plugins(PyObject* self) {
  as_flow(self)->plugins.clear();
  return 0;
}

std::vector<PyGetSetDef>& column_attributes() {
  static auto& attributes = *new std::vector<PyGetSetDef>;
  for (const Column& column : columns()) {
    attributes.push_back(
        {PyUnicode_AsUTF8(column.name), get_column, set_column, "a column of nfstream", const_cast<Column*>(&column)});
  }
  attributes.push_back({"udps", get_udps, nullptr, "attributes that plug-ins set", nullptr});
  attributes.push_back({nullptr, nullptr, nullptr, nullptr, nullptr});
  return attributes;
}

}  // namespace

void PluginData::clear() {
  Py_CLEAR(udps);
  Py_CLEAR(written);
}

PyTypeObject* add_nfstream_flow_type(PyObject* module) {
  static PyMethodDef methods[] = {{"keys", column_names, METH_NOARGS, "the names of the columns"},
                                  {"values", column_values, METH_NOARGS, "the values, in the order of keys()"},
                                  {"__reduce__", reduce_flow, METH_NOARGS, "for pickle and copy"},
                                  {nullptr, nullptr, 0, nullptr}};
  static PyMethodDef functions[] = {{"restore_flow", restore_flow, METH_VARARGS, "unpickles an NFlow"},
                                    {nullptr, nullptr, 0, nullptr}};
  PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>("One flow, with the attributes of nfstream's flows.")},
                         {Py_tp_dealloc, reinterpret_cast<void*>(free_flow)},
                         {Py_tp_traverse, reinterpret_cast<void*>(traverse_plugins)},
                         {Py_tp_clear, reinterpret_cast<void*>(clear_plugins)},
                         {Py_tp_str, reinterpret_cast<void*>(show_columns)},
                         {Py_tp_methods, methods},
                         {Py_tp_getset, column_attributes().data()},
                         {0, nullptr}};
  deleted_mark = PyObject_CallNoArgs(reinterpret_cast<PyObject*>(&PyBaseObject_Type));
  if (deleted_mark == nullptr || PyModule_AddFunctions(module, functions) != 0) return nullptr;
  restore_function = PyObject_GetAttrString(module, "restore_flow");
  column_flow_type = add_type(module, "spanflow.nfstream.NFlow", sizeof(FlowObject), slots, true);
  return column_flow_type;
}

PyObject* kept_after_packet(PyObject* written) {
  PyObject* kept = nullptr;
  for (const Column& column : columns()) {
    if (!column.is_fixed) break;
    PyObject* value = PyDict_GetItemWithError(written, column.name);
    if (value == nullptr) continue;
    if (kept == nullptr) kept = PyDict_New();
    if (kept != nullptr) PyDict_SetItem(kept, column.name, value);
  }
  return kept;
}

void drop_outdated(PyObject* written, const FlowRecord& record) {
  if (record.end_reason != EndReason::kActive) return;
  if (PyDict_DelItemString(written, "expiration_id") != 0) PyErr_Clear();
}

}  // namespace spanflow::python

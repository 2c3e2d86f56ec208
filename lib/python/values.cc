#include "python/values.h"

#include <algorithm>
#include <cmath>

#include "sinks/text.h"

namespace spanflow::python {
namespace {

PyObject* text_to_python(std::string_view text) {
  return PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
}

PyObject* list_of(const EarlyPacketsValue& early) {
  const std::size_t size = std::max(early.packets.size(), early.padded_to);
  PyObject* list = PyList_New(static_cast<Py_ssize_t>(size));
  for (std::size_t at = 0; list != nullptr && at < size; ++at) {
    const std::int64_t item = at < early.packets.size() ? early.number(early.packets, at) : -1;
    PyList_SET_ITEM(list, static_cast<Py_ssize_t>(at), PyLong_FromLongLong(item));
  }
  return list;
}

PyObject* list_of(const TextList& texts) {
  PyObject* list = PyList_New(0);
  if (list == nullptr) return nullptr;
  texts.for_each([list](std::string_view text) {
    PyObject* item = to_python(FieldValue{text});
    if (item != nullptr) PyList_Append(list, item);
    Py_XDECREF(item);
  });
  return list;
}

}  // namespace

PyObject* to_python(const FieldValue& value) {
  if (std::holds_alternative<std::monostate>(value)) Py_RETURN_NONE;
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return PyLong_FromUnsignedLongLong(*number);
  if (const auto* number = std::get_if<std::int64_t>(&value)) return PyLong_FromLongLong(*number);
  if (const auto* real = std::get_if<RealValue>(&value)) return PyFloat_FromDouble(real->number);
  if (const auto* early = std::get_if<EarlyPacketsValue>(&value)) return list_of(*early);
  if (const auto* texts = std::get_if<TextList>(&value)) return list_of(*texts);
  thread_local TextBuffer text;
  text.clear();
  append_value(TextWriter(text), value).finish();
  return text_to_python(text.view());
}

PyObject* metric_to_python(double value) {
  constexpr double kExact = 9007199254740992.0;  // 2^53: up to here, a double has every whole number
  if (std::isnan(value)) Py_RETURN_NONE;
  if (value == std::floor(value) && std::abs(value) <= kExact) return PyLong_FromDouble(value);
  return PyFloat_FromDouble(value);
}

}  // namespace spanflow::python

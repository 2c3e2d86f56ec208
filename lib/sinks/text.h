// Writes values as text. Every function appends to a TextBuffer. The functions allocate memory only if this buffer
// grows, or if a text has special characters.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>

#include "base/text_buffer.h"
#include "base/utf8.h"
#include "sinks/value.h"

namespace spanflow {

TextWriter append_address(TextWriter out, const IpAddress& address, unsigned ip_version);
// Appends the value of a user metric, for CSV and JSON. A whole number has no decimals, any other number has three.
// Appends nothing if the value is missing or not finite.
TextWriter append_metric(TextWriter out, double value);

// Appends a value that looks the same in all text formats. These functions avoid fmt, because parsing the format string
// would cost more than the conversion itself.
TextWriter append_digits(TextWriter out, std::uint64_t value);
// Most numbers in a record are small.
inline TextWriter append_plain(TextWriter out, std::uint64_t value) {
  if (value >= 10) return append_digits(out, value);
  out.push_back(static_cast<char>('0' + value));
  return out;
}
TextWriter append_plain(TextWriter out, std::int64_t value);
inline TextWriter append_plain(TextWriter out, const ShortText& text) {
  out.append(text.view());
  return out;
}
inline TextWriter append_plain(TextWriter out, AddressValue value) {
  return append_address(out, *value.address, value.ip_version);
}
TextWriter append_plain(TextWriter out, HexValue value);
TextWriter append_plain(TextWriter out, MacValue value);
TextWriter append_plain(TextWriter out, RealValue value);

// Appends a text, id or address as valid UTF-8 without control characters. Appends nothing for other values.
TextWriter append_value(TextWriter out, const FieldValue& value);

// Appends a CSV field (RFC 4180), in quotes if it has a comma or a quote. Texts have no line breaks, because
// append_utf8() replaces control characters. Appends nothing for a missing value.
TextWriter append_csv(TextWriter out, std::string_view text);
TextWriter append_csv(TextWriter out, const EarlyPacketsValue& list);
// Joins the texts with semicolons. A semicolon or a backslash in a text has a backslash before it.
TextWriter append_csv(TextWriter out, const TextList& list);
template <typename Value>
TextWriter append_csv(TextWriter out, const Value& value) {
  return append_plain(out, value);
}
template <typename Value>
TextWriter append_csv(TextWriter out, const std::optional<Value>& value) {
  return value ? append_csv(out, *value) : out;
}

// Appends a JSON value (RFC 8259).
TextWriter append_json(TextWriter out, std::string_view text);
TextWriter append_json(TextWriter out, const EarlyPacketsValue& list);
TextWriter append_json(TextWriter out, const TextList& list);
template <typename Value>
TextWriter append_json(TextWriter out, const Value& value) {
  constexpr bool kNumber = std::integral<Value> || std::same_as<Value, RealValue>;
  if (!kNumber) out.push_back('"');
  out = append_plain(out, value);
  if (!kNumber) out.push_back('"');
  return out;
}

// Appends `"name":value,`. Appends nothing for a missing value.
template <typename Value>
TextWriter append_json_member(TextWriter out, std::string_view name, const Value& value) {
  out.push_back('"');
  out.append(name);
  out.append("\":");
  out = append_json(out, value);
  out.push_back(',');
  return out;
}
template <typename Value>
TextWriter append_json_member(TextWriter out, std::string_view name, const std::optional<Value>& value) {
  return value ? append_json_member(out, name, *value) : out;
}
// An empty list counts as missing.
inline TextWriter append_json_member(TextWriter out, std::string_view name, const TextList& list) {
  return list.empty() ? out : append_json_member<TextList>(out, name, list);
}

}  // namespace spanflow

// Values as text. Everything appends to a buffer and allocates only when that grows.
#pragma once

#include <concepts>
#include <optional>
#include <string_view>

#include "sinks/text_buffer.h"
#include "sinks/value.h"

namespace spanflow {

void append_address(TextBuffer& out, const IpAddress& address, unsigned ip_version);
// Valid UTF-8 without control characters: every other byte becomes \xNN.
void append_utf8(TextBuffer& out, std::string_view text);
// The value of a user metric in CSV and JSON: a whole number as one, any other with three decimals; nothing for one
// that is missing or is no finite number.
void append_metric(TextBuffer& out, double value);

// The values whose text is the same everywhere. A format string costs more than all of the rest, so there is none here.
void append_plain(TextBuffer& out, std::uint64_t value);
void append_plain(TextBuffer& out, std::int64_t value);
inline void append_plain(TextBuffer& out, const ShortText& text) { out.append(text.view()); }
inline void append_plain(TextBuffer& out, AddressValue value) { append_address(out, *value.address, value.ip_version); }
void append_plain(TextBuffer& out, HexValue value);
void append_plain(TextBuffer& out, MacValue value);
void append_plain(TextBuffer& out, RealValue value);

// RFC 4180 field: quoted where it holds a comma, quote or line break; nothing for a missing value.
void append_csv(TextBuffer& out, std::string_view text);
void append_csv(TextBuffer& out, const EarlyPacketsValue& list);
template <typename Value>
void append_csv(TextBuffer& out, const Value& value) {
  append_plain(out, value);
}
template <typename Value>
void append_csv(TextBuffer& out, const std::optional<Value>& value) {
  if (value) append_csv(out, *value);
}

// JSON value (RFC 8259).
void append_json(TextBuffer& out, std::string_view text);
void append_json(TextBuffer& out, const EarlyPacketsValue& list);
template <typename Value>
void append_json(TextBuffer& out, const Value& value) {
  constexpr bool kNumber = std::integral<Value> || std::same_as<Value, RealValue>;
  if (!kNumber) out.push_back('"');
  append_plain(out, value);
  if (!kNumber) out.push_back('"');
}

// `"name":value,`; nothing for a missing value.
template <typename Value>
void append_json_member(TextBuffer& out, std::string_view name, const Value& value) {
  out.push_back('"');
  out.append(name);
  out.append("\":");
  append_json(out, value);
  out.push_back(',');
}
template <typename Value>
void append_json_member(TextBuffer& out, std::string_view name, const std::optional<Value>& value) {
  if (value) append_json_member(out, name, *value);
}

}  // namespace spanflow

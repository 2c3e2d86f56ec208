// Values as text. Everything appends to a buffer and allocates only when that grows.
#pragma once

#include <fmt/format.h>

#include <string_view>

#include "sinks/field_table.h"

namespace spanflow {

using TextBuffer = fmt::memory_buffer;

// RFC 4180 field: quoted where it holds a comma, quote or line break; nothing for a missing value.
void append_csv(TextBuffer& out, const Value& value);
// JSON value (RFC 8259). Must not be called for a missing one.
void append_json(TextBuffer& out, const Value& value);
// The value of a user metric in CSV and JSON: a whole number as one, any other with three decimals; nothing for one
// that is missing or is no finite number.
void append_metric(TextBuffer& out, double value);
// A whole object, without the values that are missing, with the record's metrics as an object of their own.
void append_json(TextBuffer& out, const FlowRecord& record, std::span<const Field* const> selected);

void append_address(TextBuffer& out, const IpAddress& address, unsigned ip_version);
// Valid UTF-8 without control characters: every other byte becomes \xNN.
void append_utf8(TextBuffer& out, std::string_view text);

}  // namespace spanflow

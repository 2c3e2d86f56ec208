// Records as lines of text, and as messages.
#pragma once

#include <span>

#include "sinks/field_table.h"

namespace spanflow {

// A CSV line: the fields, then a column for each of the record's metrics.
TextWriter append_csv(TextWriter out, const FlowRecord& record, std::span<const Field* const> selected);
// The line above the records.
TextWriter append_csv_header(TextWriter out, std::span<const Field* const> selected, const MetricNames& metrics);
// A JSON object, without the values that are missing, with the record's metrics as an object of their own.
TextWriter append_json(TextWriter out, const FlowRecord& record, std::span<const Field* const> selected);
// A message Flow of flow.proto. Each of the fields must have a number.
TextWriter append_protobuf(TextWriter out, const FlowRecord& record, std::span<const Field* const> selected);

}  // namespace spanflow

// Writes records as CSV, JSON and protobuf.
#pragma once

#include <span>

#include "sinks/field_table.h"

namespace spanflow {

// A line of CSV: the fields, then a column for each of the record's metrics.
TextWriter append_csv(TextWriter out, const FlowRecord& record, std::span<const Field* const> selected);
// The header line of a CSV file.
TextWriter append_csv_header(TextWriter out, std::span<const Field* const> selected, const MetricNames& metrics);
// A JSON object. Missing values are left out; the record's metrics are a nested object.
TextWriter append_json(TextWriter out, const FlowRecord& record, std::span<const Field* const> selected);
// A message Flow of flow.proto. Every selected field must have a number.
TextWriter append_protobuf(TextWriter out, const FlowRecord& record, std::span<const Field* const> selected);

}  // namespace spanflow

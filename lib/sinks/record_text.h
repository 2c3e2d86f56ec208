// Writes records as CSV, JSON and protobuf.
#pragma once

#include <span>

#include "sinks/field_table.h"

namespace spanflow {

// Appends a line of CSV: the fields, then a column for each of the record's metrics.
TextWriter append_csv(TextWriter out, const FlowRecord& record, std::span<const Field* const> selected);
// Appends the header line of a CSV file.
TextWriter append_csv_header(TextWriter out, std::span<const Field* const> selected, const MetricNames& metrics);
// Appends a JSON object. Missing values are left out. The record's metrics are a nested object.
TextWriter append_json(TextWriter out, const FlowRecord& record, std::span<const Field* const> selected);
// Appends a message Flow of flow.proto. Every selected field must have a Field::number other than 0.
TextWriter append_protobuf(TextWriter out, const FlowRecord& record, std::span<const Field* const> selected);

}  // namespace spanflow

// Records as lines of text.
#pragma once

#include <span>

#include "sinks/field_table.h"

namespace spanflow {

// A CSV line without its end: the fields, then a column for each of the record's metrics.
void append_csv(TextBuffer& out, const FlowRecord& record, std::span<const Field* const> selected);
// The line above the records.
void append_csv_header(TextBuffer& out, std::span<const Field* const> selected, const MetricNames& metrics);
// A JSON object, without the values that are missing, with the record's metrics as an object of their own.
void append_json(TextBuffer& out, const FlowRecord& record, std::span<const Field* const> selected);

}  // namespace spanflow

#include "sinks/record_text.h"

#include <cmath>

namespace spanflow {
namespace {

// Ends a list in which a comma follows every item: `end` replaces the last comma.
TextWriter close(TextWriter out, char end) {
  if (out.last() == ',') out.remove_last();
  out.push_back(end);
  return out;
}

TextWriter append_metrics(TextWriter out, const MetricsView& metrics) {
  out.append("\"metrics\":{");
  for (std::size_t at = 0; at < metrics.size(); ++at) {
    if (!std::isfinite(metrics.value(at))) continue;
    out.push_back('"');
    out.append(metrics.name(at));
    out.append("\":");
    out = append_metric(out, metrics.value(at));
    out.push_back(',');
  }
  return close(out, '}');
}

}  // namespace

TextWriter append_csv_header(TextWriter out, std::span<const Field* const> selected, const MetricNames& metrics) {
  for (const Field* field : selected) {
    out.append(field->name);
    out.push_back(',');
  }
  for (const std::string_view name : metrics) {
    out.append("metrics.");
    out.append(name);
    out.push_back(',');
  }
  return close(out, '\n');
}

TextWriter append_csv(TextWriter out, const FlowRecord& record, std::span<const Field* const> selected) {
  const std::uint64_t keys = metadata_keys(record);
  for (const Field* field : selected) {
    if (field->may_have_value(keys)) out = field->csv(out, record);
    out.push_back(',');
  }
  for (std::size_t at = 0; at < record.metrics.size(); ++at) {
    out = append_metric(out, record.metrics.value(at));
    out.push_back(',');
  }
  return close(out, '\n');
}

TextWriter append_json(TextWriter out, const FlowRecord& record, std::span<const Field* const> selected) {
  out.push_back('{');
  const std::uint64_t keys = metadata_keys(record);
  for (const Field* field : selected) {
    if (field->may_have_value(keys)) out = field->json(out, field->name, record);
  }
  if (record.metrics.size() > 0) out = append_metrics(out, record.metrics);
  return close(out, '}');
}

TextWriter append_protobuf(TextWriter out, const FlowRecord& record, std::span<const Field* const> selected) {
  const std::uint64_t keys = metadata_keys(record);
  for (const Field* field : selected) {
    if (field->may_have_value(keys)) out = field->proto(out, field->number, record);
  }
  for (std::size_t at = 0; at < record.metrics.size(); ++at) {
    const double value = record.metrics.value(at);
    if (std::isfinite(value)) out = append_protobuf_entry(out, kMetricsNumber, record.metrics.name(at), value);
  }
  return out;
}

}  // namespace spanflow

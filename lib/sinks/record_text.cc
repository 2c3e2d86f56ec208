#include "sinks/record_text.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

namespace spanflow {
namespace {

// Every item of a list has been followed by a comma; the last one's becomes the list's end.
void close(TextBuffer& out, char end) {
  if (out.view().ends_with(',')) out.remove_suffix(1);
  out.push_back(end);
}

void append_metrics(TextBuffer& out, const MetricsView& metrics) {
  out.append("\"metrics\":{");
  for (std::size_t at = 0; at < metrics.size(); ++at) {
    if (!std::isfinite(metrics.value(at))) continue;
    out.push_back('"');
    out.append(metrics.name(at));
    out.append("\":");
    append_metric(out, metrics.value(at));
    out.push_back(',');
  }
  close(out, '}');
}

}  // namespace

void append_csv_header(TextBuffer& out, std::span<const Field* const> selected, const MetricNames& metrics) {
  for (const Field* field : selected) {
    out.append(field->name);
    out.push_back(',');
  }
  for (const std::string_view name : metrics) fmt::format_to(std::back_inserter(out), "metrics.{},", name);
  out.remove_suffix(1);
}

void append_csv(TextBuffer& out, const FlowRecord& record, std::span<const Field* const> selected) {
  for (const Field* field : selected) {
    field->csv(out, record);
    out.push_back(',');
  }
  for (std::size_t at = 0; at < record.metrics.size(); ++at) {
    append_metric(out, record.metrics.value(at));
    out.push_back(',');
  }
  out.remove_suffix(1);
}

void append_json(TextBuffer& out, const FlowRecord& record, std::span<const Field* const> selected) {
  out.push_back('{');
  for (const Field* field : selected) field->json(out, field->name, record);
  if (record.metrics.size() > 0) append_metrics(out, record.metrics);
  close(out, '}');
}

}  // namespace spanflow

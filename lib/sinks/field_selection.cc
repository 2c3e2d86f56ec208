#include "sinks/field_selection.h"

#include <algorithm>

#include "capture/input.h"
#include "sinks/nfstream_columns.h"

namespace spanflow {

const std::vector<std::string>& fields_of(const SinkConfig& sink, const Config& config) {
  return sink.fields.empty() ? config.output.fields : sink.fields;
}

bool is_on(FieldGroup group, const Config& config) {
  switch (group) {
    case FieldGroup::kClassic:
    case FieldGroup::kFlow:
      return true;
    case FieldGroup::kLive:
      return is_live(config.input);  // off for capture files: two runs over one file must give the same records
    case FieldGroup::kTunnels:
      return !config.decode.tunnels.empty();
    case FieldGroup::kDpi:
      return config.dpi.enabled;
    case FieldGroup::kMetadata:
      return config.dpi.enabled && config.dpi.metadata;
    case FieldGroup::kNames:
      return config.keeps_metadata();
    case FieldGroup::kReaders:
      return config.reads_names();
    case FieldGroup::kDnsNames:
      return config.correlates_names();
    case FieldGroup::kStatistics:
    case FieldGroup::kMillisecondGaps:
      return config.features.statistics;
    case FieldGroup::kEarlyPackets:
      return config.features.splt > 0;
    case FieldGroup::kTcp:
      return config.features.tcp;
  }
  return false;
}

std::vector<const Field*> select_fields(std::span<const std::string> names, const Config& config) {
  std::vector<const Field*> selected;
  const auto add = [&selected](const Field& field) {
    if (std::find(selected.begin(), selected.end(), &field) == selected.end()) selected.push_back(&field);
  };
  for (const std::string& name : names) {
    for (const Field& field : fields()) {
      const bool wanted = name == field.name || (name == "classic" && field.group == FieldGroup::kClassic) ||
                          (name == "full" && is_on(field.group, config));
      if (wanted) add(field);
    }
    if (name != "nfstream") continue;
    for (const Field& column : nfstream_columns()) {
      if (is_on(column.group, config)) add(column);
    }
  }
  return selected;
}

FieldNeeds needs_of(std::span<const Field* const> fields) {
  FieldNeeds needs;
  for (const Field* field : fields) {
    needs.ndpi_metadata |= field->group == FieldGroup::kMetadata || field->group == FieldGroup::kNames;
    needs.names |= field->group == FieldGroup::kNames || field->group == FieldGroup::kReaders;
    needs.dns_names |= field->group == FieldGroup::kDnsNames;
    needs.millisecond_gaps |= field->group == FieldGroup::kMillisecondGaps;
  }
  return needs;
}

}  // namespace spanflow

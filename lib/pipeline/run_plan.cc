#include "pipeline/run_plan.h"

#include <fmt/format.h>

#include "base/error.h"
#include "sinks/field_selection.h"

namespace spanflow {
namespace {

FieldNeeds needs_of_sinks(const Config& config) {
  FieldNeeds needs;
  for (const SinkConfig& sink : config.sinks) {
    needs.add(needs_of(select_fields(fields_of(sink, config), config)));
  }
  return needs;
}

}  // namespace

Config with_needs_of_sinks(Config config, const FieldNeeds& more) {
  FieldNeeds needs = needs_of_sinks(config);
  needs.add(more);
  config.dpi.metadata = config.dpi.metadata && needs.ndpi_metadata;
  config.features.names = config.features.names && (needs.names || needs.dns_names);
  if (!needs.dns_names) config.features.dns_names = 0;
  config.features.millisecond_gaps = needs.millisecond_gaps;
  return config;
}

void refuse_unkept_fields(const Config& wanted, const Config& started) {
  const FieldNeeds needs = needs_of_sinks(wanted);
  const auto refuse = [](std::string_view fields) {
    throw ConfigError(
        fmt::format("sinks: {} fields need a restart, because no sink had them when the run began", fields));
  };
  if (needs.ndpi_metadata && wanted.dpi.enabled && wanted.dpi.metadata && !started.dpi.metadata) refuse("metadata");
  if (needs.names && wanted.reads_names() && !started.reads_names()) refuse("names");
  if (needs.dns_names && wanted.correlates_names() && !started.correlates_names()) refuse("dns_name");
  if (needs.millisecond_gaps && !started.features.millisecond_gaps) refuse("nfstream");
}

std::vector<SinkConfig> sinks_with_fields(const Config& config) {
  std::vector<SinkConfig> sinks = config.sinks;
  for (SinkConfig& sink : sinks) sink.fields = fields_of(sink, config);
  return sinks;
}

}  // namespace spanflow

#include "pipeline/run_plan.h"

#include <fmt/format.h>

#include "base/error.h"
#include "sinks/field_selection.h"

namespace spanflow {
namespace {

FieldNeeds needs_of_sinks(const Config& config) {
  FieldNeeds needs;
  for (const SinkConfig& sink : config.sinks) {
    const FieldNeeds its_needs = needs_of(select_fields(fields_of(sink, config), config));
    needs.metadata |= its_needs.metadata;
    needs.millisecond_gaps |= its_needs.millisecond_gaps;
  }
  return needs;
}

}  // namespace

Config with_needs_of_sinks(Config config, bool program_has_sinks) {
  const FieldNeeds needs = needs_of_sinks(config);
  config.dpi.metadata = config.dpi.metadata && (needs.metadata || program_has_sinks);
  config.features.millisecond_gaps = needs.millisecond_gaps;
  return config;
}

void refuse_unkept_fields(const Config& wanted, const Config& started) {
  const FieldNeeds needs = needs_of_sinks(wanted);
  const bool lacks_metadata = needs.metadata && wanted.dpi.enabled && wanted.dpi.metadata && !started.dpi.metadata;
  if (!lacks_metadata && (!needs.millisecond_gaps || started.features.millisecond_gaps)) return;
  throw ConfigError(fmt::format("sinks: {} fields need a restart, because no sink had them when the run began",
                                lacks_metadata ? "metadata" : "nfstream"));
}

std::vector<SinkConfig> sinks_with_fields(const Config& config) {
  std::vector<SinkConfig> sinks = config.sinks;
  for (SinkConfig& sink : sinks) sink.fields = fields_of(sink, config);
  return sinks;
}

}  // namespace spanflow

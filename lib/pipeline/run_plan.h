// Decides which data of flows a run keeps. This depends on the fields of the sinks.
#pragma once

#include <vector>

#include "config/config.h"
#include "sinks/field_needs.h"

namespace spanflow {

// Switches off data that no sink writes. `more` are the needs of sinks that are not in the configuration.
Config with_needs_of_sinks(Config config, const FieldNeeds& more);

// Throws ConfigError if a sink of the configuration `wanted` needs data that the run does not keep. `started` is the
// configuration at the start of the run, from with_needs_of_sinks().
void refuse_unkept_fields(const Config& wanted, const Config& started);

// Returns the sinks of `config`, each with its own list of fields. A change of output.fields then changes the
// SinkConfig, so that a reload replaces the sink.
std::vector<SinkConfig> sinks_with_fields(const Config& config);

}  // namespace spanflow

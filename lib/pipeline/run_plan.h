// Decides which data of its flows a run keeps, from the fields of its sinks.
#pragma once

#include <vector>

#include "config/config.h"

namespace spanflow {

// Switches off the data that no sink shows. `program_has_sinks`: the program's own sinks need all data.
Config with_needs_of_sinks(Config config, bool program_has_sinks);

// Throws ConfigError if a sink of the new configuration needs data that the run has not kept. `started` comes from
// with_needs_of_sinks().
void refuse_unkept_fields(const Config& wanted, const Config& started);

// The sinks, each with its own list of fields: a change of output.fields is then a change of the sink.
std::vector<SinkConfig> sinks_with_fields(const Config& config);

}  // namespace spanflow

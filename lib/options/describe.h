// The option table written out: as YAML, as a reference for people, as a manual page, and as a JSON Schema for editors.
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"

namespace spanflow {

// A configuration that load_yaml reads back to the same Config; each option with a comment of what it does.
std::string dump_config(const Config& config);
// docs/configuration.md's table.
std::string list_options();
// config/spanflow.schema.json.
std::string config_schema();
// spanflow.yaml(5), as roff.
std::string options_manual(std::string_view version);

}  // namespace spanflow

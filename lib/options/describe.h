// Writes the option table as YAML, as a reference, as a manual page, and as a JSON Schema for editors.
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"

namespace spanflow {

// Returns YAML that load_yaml() reads back to the same Config. A comment explains each option.
std::string dump_config(const Config& config);
// Returns the Markdown table in docs/configuration.md.
std::string list_options();
// Returns the content of config/spanflow.schema.json.
std::string config_schema();
// Returns the manual page spanflow.yaml(5), in roff.
std::string options_manual(std::string_view version);

}  // namespace spanflow

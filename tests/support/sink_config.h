// Sink configurations, as a configuration file describes them.
#pragma once

#include <map>
#include <string>

#include "config/config.h"
#include "options/loader.h"

namespace spanflow::testing {

using YamlMembers = std::map<std::string, std::string>;

// Returns a text like "{type: csv, path: flows.csv}".
inline std::string yaml_mapping(const YamlMembers& members) {
  std::string text;
  for (const auto& [name, value] : members) text += (text.empty() ? "" : ", ") + name + ": " + value;
  return "{" + text + "}";
}

inline SinkConfig sink_from(const YamlMembers& options) {
  Config config;
  apply_setting("sinks=[" + yaml_mapping(options) + "]", config);
  return config.sinks.front();
}

}  // namespace spanflow::testing

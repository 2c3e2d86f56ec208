// Makes sink configurations from YAML, as a configuration file does.
#pragma once

#include <map>
#include <string>

#include "config/config.h"
#include "options/loader.h"

namespace spanflow::testing {

using YamlMembers = std::map<std::string, std::string>;

// Returns a text such as "{path: flows.csv, type: csv}".
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

#include "options/loader.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/utf8.h"
#include "capture/input.h"
#include "options/nearest_word.h"
#include "options/options.h"
#include "sinks/sink.h"

namespace spanflow {
namespace {

std::string place(const std::string& origin, int line, int column) {
  return line < 0 ? origin : fmt::format("{}:{}:{}", origin, line + 1, column + 1);
}

std::string place(const std::string& origin, const YAML::Mark& mark) { return place(origin, mark.line, mark.column); }

std::vector<std::string> names_below(const std::string& prefix) {
  std::vector<std::string> names;
  for (const Option& option : options()) {
    if (option.name.starts_with(prefix)) names.push_back(option.name);
  }
  return names;
}

bool is_section(const std::string& name) { return !names_below(name + ".").empty(); }

// Returns the nearest known name, or an empty text. Searches the names in the same section first. Then compares only
// the last word of the names in all sections, so "capacity" at the top level suggests flow.capacity. Reads "idle_" as
// "inactive_", because other meters use the word "idle".
std::string suggestion(std::string full_name, const std::string& prefix) {
  if (const auto idle = full_name.find("idle_"); idle != std::string::npos) full_name.replace(idle, 4, "inactive");
  auto beside = names_below(prefix);
  if (prefix.empty()) {
    for (const Option& option : options()) beside.push_back(option.name.substr(0, option.name.find('.')));
  }
  std::string near = nearest(full_name, beside);
  if (!near.empty()) return near;
  const std::string word = full_name.substr(full_name.rfind('.') + 1);
  for (const Option& option : options()) {
    if (!nearest(word, std::vector{option.name.substr(option.name.rfind('.') + 1)}).empty()) return option.name;
  }
  return {};
}

[[noreturn]] void unknown_key(const std::string& where, const std::string& full_name, const std::string& prefix) {
  const std::string near = suggestion(full_name, prefix);
  throw ConfigError(fmt::format("{}: {}: unknown key{}", where, shortened(full_name),
                                near.empty() ? ", see --list-options" : fmt::format(", did you mean {}?", near)));
}

void read_option(const Option& option, const YAML::Node& node, const std::string& origin, Config& config) {
  try {
    option.read(config, node);
  } catch (const OptionError& error) {
    const std::string where = error.line >= 0 ? place(origin, error.line, error.column) : place(origin, node.Mark());
    const std::string got = error.got.empty() ? described(node) : error.got;
    const std::string complaint = error.complaint.empty()
                                      ? fmt::format("expected {}, got {}{}", error.expected, got, error.hint)
                                      : error.complaint;
    throw ConfigError(fmt::format("{}: {}{}: {}", where, option.name, shortened(error.name_suffix), complaint));
  }
}

void read_mapping(const YAML::Node& node, const std::string& prefix, const std::string& origin, Config& config) {
  std::set<std::string> seen;
  for (const auto& entry : node) {
    const std::string where = place(origin, entry.first.Mark());
    if (!entry.first.IsScalar()) throw ConfigError(where + ": expected a key, got " + described(entry.first));
    const std::string name = prefix + entry.first.Scalar();
    if (!seen.insert(name).second) throw ConfigError(fmt::format("{}: {}: given twice", where, shortened(name)));
    if (const Option* option = find_option(name)) {
      read_option(*option, entry.second, origin, config);
    } else if (!is_section(name)) {
      unknown_key(where, name, prefix);
    } else if (entry.second.IsMap()) {
      read_mapping(entry.second, name + ".", origin, config);
    } else if (!entry.second.IsNull()) {
      throw ConfigError(fmt::format("{}: {}: expected a mapping, got {}", place(origin, entry.second.Mark()), name,
                                    described(entry.second)));
    }
  }
}

void check_sinks(const std::vector<SinkConfig>& sinks) {
  std::set<std::string> used;
  for (const SinkConfig& sink : sinks) {
    const SinkPlaces places = places_of(sink);
    for (const std::string& place : {places.target, places.spool}) {
      if (!place.empty() && place != "/dev/null" && !used.insert(place).second) {
        throw ConfigError(fmt::format("sinks: two sinks write to {}", place));
      }
    }
    if (const std::string complaint = sink_type(sink).complaint(sink.settings); !complaint.empty()) {
      throw ConfigError(fmt::format("sinks: {}", complaint));
    }
  }
}

}  // namespace

void load_yaml(const std::string& yaml, const std::string& origin, Config& config) {
  YAML::Node root;
  try {
    root = YAML::Load(yaml);
  } catch (const YAML::ParserException& error) {
    throw ConfigError(fmt::format("{}: not YAML: {}", place(origin, error.mark), error.msg));
  }
  if (root.IsNull()) return;
  if (!root.IsMap())
    throw ConfigError(
        fmt::format("{}: expected a mapping of options, got {}", place(origin, root.Mark()), described(root)));
  read_mapping(root, "", origin, config);
}

void load_yaml_file(const std::string& path, Config& config) {
  std::ifstream file(path);
  std::stringstream text;
  // For an empty file, << would insert nothing and set failbit.
  if (file.peek() != std::ifstream::traits_type::eof()) text << file.rdbuf();
  if (!file.is_open() || file.bad() || text.fail())
    throw ConfigError(fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
  load_yaml(text.str(), path, config);
}

void apply_setting(const std::string& setting, Config& config) {
  const std::string origin = "--set " + shortened(setting);
  const auto equals = setting.find('=');
  if (equals == std::string::npos) throw ConfigError(origin + ": expected name=value");
  apply_setting(setting.substr(0, equals), setting.substr(equals + 1), origin, config);
}

void apply_setting(const std::string& name, const std::string& yaml, const std::string& origin, Config& config) {
  const Option* option = find_option(name);
  if (option == nullptr) unknown_key(origin, name, name.substr(0, name.rfind('.') + 1));
  YAML::Node node;
  try {
    node = YAML::Load(yaml);
  } catch (const YAML::ParserException& error) {
    throw ConfigError(fmt::format("{}: not YAML: {}", origin, error.msg));
  }
  try {
    read_option(*option, node.IsNull() ? YAML::Node("") : node, "", config);
  } catch (const ConfigError& error) {
    const std::string text = error.what();
    throw ConfigError(origin + text.substr(text.find(": ")));
  }
}

void check(const Config& config) {
  input_type(config.input);
  if (config.sinks.empty()) throw ConfigError("no sinks: name where records go (-w, sinks)");
  check_for_program(config);
}

void check_for_program(const Config& config) {
  input_type(config.input);
  check_sinks(config.sinks);
  if (!config.input.interface.empty() && (config.input.frame_size & (config.input.frame_size - 1)) != 0) {
    throw ConfigError(fmt::format("input.frame_size: expected a power of two, got {}", config.input.frame_size));
  }
  if (!config.input.cores.empty() && config.input.cores.size() < config.workers) {
    throw ConfigError(fmt::format("input.cores: expected at least as many CPUs as workers ({}), got {}", config.workers,
                                  config.input.cores.size()));
  }
}

std::vector<std::string> warnings(const Config& config) {
  std::vector<std::string> lines;
  if (config.flow.inactive_timeout > config.flow.active_timeout) {
    lines.push_back(
        fmt::format("flow.inactive_timeout ({}) is longer than flow.active_timeout ({}): no flow will end as inactive "
                    "before it is cut; are they swapped?",
                    format_duration(config.flow.inactive_timeout), format_duration(config.flow.active_timeout)));
  }
  if (config.flow.capacity < config.workers) {
    lines.push_back(fmt::format("flow.capacity ({}) is less than workers ({}): each worker gets one flow",
                                config.flow.capacity, config.workers));
  }
  return lines;
}

}  // namespace spanflow

// Reads YAML and "name=value" settings into a Config. For a mistake, the functions throw a ConfigError with one line:
// the place, the full dotted name, the expected value, and the nearest correct word.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace spanflow {

// Example of an error: "spanflow.yaml:12:3: flow.capcity: unknown key, did you mean flow.capacity?" Lines and columns
// count from 1.
void load_yaml_file(const std::string& path, Config& config);
// `origin` is the file name to show in messages.
void load_yaml(const std::string& yaml, const std::string& origin, Config& config);
// Applies one --set, such as "flow.capacity=1000000"; the value is YAML.
void apply_setting(const std::string& setting, Config& config);
// The same, with the name and the value apart. `origin` is the beginning of messages.
void apply_setting(const std::string& name, const std::string& yaml, const std::string& origin, Config& config);

// Checks rules between options, after all options are read. Throws ConfigError.
void check(const Config& config);
// The same for a program that takes the records itself, and so needs no sink.
void check_for_program(const Config& config);
// Returns one line for each setting that is allowed but looks like a mistake.
std::vector<std::string> warnings(const Config& config);

}  // namespace spanflow

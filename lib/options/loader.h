// YAML and "name=value" settings into a Config. Every mistake is a ConfigError of one line that names where it is,
// the full dotted name, what was expected, and the nearest thing that would have been right.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace spanflow {

// "spanflow.yaml:12:3: flow.capcity: unknown key, did you mean flow.capacity?" Lines and columns count from 1.
void load_yaml_file(const std::string& path, Config& config);
// `origin` stands for the file's name in messages.
void load_yaml(const std::string& yaml, const std::string& origin, Config& config);
// One --set: "flow.capacity=1000000"; the value is YAML.
void apply_setting(const std::string& setting, Config& config);

// What can only be judged once everything is read: throws ConfigError.
void check(const Config& config);
// What is allowed but hardly meant, a line each.
std::vector<std::string> warnings(const Config& config);

}  // namespace spanflow

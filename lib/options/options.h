// The table of options. Reading YAML, --set, --dump-config, --list-options, config/spanflow.yaml and its JSON Schema
// are all derived from it.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace YAML {
class Node;
}

namespace spanflow {

// Thrown by Option::read. `line` and `column` are the place of the faulty part of the value, counted from 0; -1: the
// whole value is faulty.
struct OptionError {
  std::string expected;
  int line = -1;
  int column = -1;
  std::string name_suffix;  // path from the option to the faulty part: "[1].type"
  std::string got;          // the faulty part as written: "\"csv\"" or "a list"
  std::string hint;         // a suggestion: ", did you mean ...?"
  std::string complaint;    // message to use instead of expected, got and hint: "given twice"; empty: none
};

// A key of an option whose value is a mapping, such as a sink. The manual page lists these keys.
struct OptionMember {
  std::string name;
  std::string expected;
  std::string help;
  std::string initial;                // default value, as YAML
  std::string of;                     // sink types that have this key: "jsonl, csv"; empty: all types
  std::vector<OptionMember> members;  // keys of the value, if the value is a mapping
};

struct Option {
  std::string name;      // dotted name: "flow.active_timeout"
  std::string expected;  // valid values, for errors and the reference: "a duration such as 120s"
  std::string schema;    // JSON Schema of the value, without the outer braces
  std::string help;
  std::function<void(Config&, const YAML::Node&)> read;  // reads a value into the Config; throws OptionError
  std::function<std::string(const Config&)> show;        // returns the value as YAML
  std::vector<OptionMember> members;                     // keys, if the value is a mapping or a list of mappings
  std::function<void(const Config& from, Config& to)> copy;
  bool reloads = false;  // true: a reload applies a new value to a running capture, see reload.h
};

const std::vector<Option>& options();

// Returns nullptr if no option has this name.
const Option* find_option(std::string_view name);

// Describes a node for error messages: its text in quotes, "a list", "a mapping" or "nothing".
std::string described(const YAML::Node& node);

}  // namespace spanflow

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

// Thrown by Option::read. Line and column are those of the faulty part of the value; -1: the whole value is at fault.
struct OptionError {
  std::string expected;
  int line = -1;
  int column = -1;
  std::string name_suffix;  // the name of the part: "[1].type"
  std::string got;          // the part as written: "\"csv\"" or "a list"
  std::string hint;         // ", did you mean ...?"
  std::string complaint;    // replaces all this if the value is not at fault: "given twice"
};

// A key of an option that is a mapping, such as a sink, for the reference.
struct OptionMember {
  std::string name;
  std::string expected;
  std::string help;
  std::string initial;                // its default, as YAML
  std::string of;                     // the types that have it, "jsonl, csv"; empty: all
  std::vector<OptionMember> members;  // if it is a mapping itself
};

struct Option {
  std::string name;      // dotted: "flow.active_timeout"
  std::string expected;  // "a duration such as 120s", for errors and the reference
  std::string schema;    // JSON Schema, an object without the outer braces
  std::string help;
  std::function<void(Config&, const YAML::Node&)> read;  // throws OptionError
  std::function<std::string(const Config&)> show;
  std::vector<OptionMember> members;  // if it is a mapping or a list of mappings
  std::function<void(const Config& from, Config& to)> copy;
  bool reloads = false;  // a reload applies a new value to a running capture, see reload.h
};

const std::vector<Option>& options();

// nullptr if there is no such option.
const Option* find_option(std::string_view name);

// The node in error messages: its text in quotes, "a list", "a mapping" or "nothing".
std::string described(const YAML::Node& node);

}  // namespace spanflow

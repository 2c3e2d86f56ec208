// The one table of options. YAML reading, --set, --dump-config, --list-options, config/spanflow.yaml and its JSON
// Schema are all walks over it.
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

// What Option::read throws. The place is that of the part of the value which is at fault; -1: the whole of it.
struct OptionError {
  std::string expected;
  int line = -1;
  int column = -1;
  std::string name_suffix;  // names the part: "[1].type"
  std::string got;          // the part as it stands: "\"csv\"" or "a list"
  std::string hint;         // ", did you mean ...?"
  std::string complaint;    // in the place of all this, where no value was expected: "given twice"
};

// A key of an option that is a mapping, such as a sink's, for those who read about it.
struct OptionMember {
  std::string name;
  std::string expected;
  std::string help;
  std::string initial;                // its default, as YAML
  std::string of;                     // which kinds have it, "jsonl, csv"; empty: all
  std::vector<OptionMember> members;  // where it is a mapping itself
};

struct Option {
  std::string name;      // dotted: "flow.active_timeout"
  std::string expected;  // "a duration such as 120s", for errors and the reference
  std::string schema;    // its JSON Schema, an object without the outer braces
  std::string help;
  std::function<void(Config&, const YAML::Node&)> read;  // throws OptionError
  std::function<std::string(const Config&)> show;
  std::vector<OptionMember> members;  // of the mapping, or of each item of a list of them
  std::function<void(const Config& from, Config& to)> copy;
  bool reloads = false;  // a run that goes on takes a new value over, see reload.h
};

const std::vector<Option>& options();

// Nothing if there is no such option.
const Option* find_option(std::string_view name);

// The node as an error shows it: its text in quotes, "a list", "a mapping" or "nothing".
std::string described(const YAML::Node& node);

// The known name nearest to a mistyped one; empty if none is near.
std::string nearest(std::string_view word, std::span<const std::string> known);

// One word in a quoted YAML scalar where plain would not do.
std::string yaml_scalar(std::string_view text);

}  // namespace spanflow

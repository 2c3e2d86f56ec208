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

// How one option is read, written and described. `read` throws OptionValueError; `show` gives YAML (flow style).
struct OptionError {
  std::string expected;
  int line = -1;  // of the value inside the node, where the node itself is not at fault; -1: the node's own
  int column = -1;
  std::string name_suffix;  // names the part of the value: "[1].type"
  std::string hint;         // ", did you mean ...?"
};

struct Option {
  std::string name;      // dotted: "flow.active_timeout"
  std::string expected;  // "a duration such as 120s", for errors and the reference
  std::string schema;    // its JSON Schema, an object without the outer braces
  std::string help;
  std::function<void(Config&, const YAML::Node&)> read;  // throws OptionError
  std::function<std::string(const Config&)> show;
};

const std::vector<Option>& options();

// Nothing if there is no such option.
const Option* find_option(std::string_view name);

// The known name nearest to a mistyped one; empty if none is near.
std::string nearest(std::string_view word, std::span<const std::string> known);

// One word in a quoted YAML scalar where plain would not do.
std::string yaml_scalar(std::string_view text);

}  // namespace spanflow

// Writes text as a YAML scalar.
#pragma once

#include <string>
#include <string_view>

namespace spanflow {

// Puts the text in quotes if YAML could read the unquoted text as another value.
std::string yaml_scalar(std::string_view text);

}  // namespace spanflow

// Text as a YAML scalar.
#pragma once

#include <string>
#include <string_view>

namespace spanflow {

// Quoted where a plain scalar would be read as something else.
std::string yaml_scalar(std::string_view text);

}  // namespace spanflow

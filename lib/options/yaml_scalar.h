// Writes text as a YAML scalar.
#pragma once

#include <string>
#include <string_view>

namespace spanflow {

// Quotes the text if YAML would read it as another value without quotes.
std::string yaml_scalar(std::string_view text);

}  // namespace spanflow

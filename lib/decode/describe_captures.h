// Describes what can be decoded, for the documentation.
#pragma once

#include <string>

namespace spanflow {

// Returns Markdown tables of the link types, the shims and the tunnels, for docs/captures.md.
std::string list_captures();

}  // namespace spanflow

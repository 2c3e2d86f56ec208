// Prints the table of fields as documentation.
#pragma once

#include <string>

namespace spanflow {

// A Markdown table of all fields: docs/fields.md.
std::string list_fields();
// The text of lib/sinks/flow.proto.
std::string list_fields_as_proto();

}  // namespace spanflow

// Prints the table of fields as documentation.
#pragma once

#include <string>

namespace spanflow {

// Returns a Markdown table of all fields, the content of docs/fields.md.
std::string list_fields();
// Returns the content of lib/sinks/flow.proto.
std::string list_fields_as_proto();
// Returns the content of lib/python/spanflow/_fields.pyi, the types of the fields for Python's type checkers.
std::string list_fields_as_stub();

}  // namespace spanflow

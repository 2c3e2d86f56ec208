// Prints the table of fields as documentation.
#pragma once

#include <string>

namespace spanflow {

// Returns a Markdown table of all fields, the content of docs/fields.md.
std::string list_fields();
// Returns the content of lib/sinks/flow.proto.
std::string list_fields_as_proto();
// Returns a stub of Python with the types of the fields.
std::string list_fields_as_stub();

}  // namespace spanflow

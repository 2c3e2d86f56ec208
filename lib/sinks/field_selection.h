// Finds the fields that a configuration names.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "sinks/field_needs.h"
#include "sinks/field_table.h"

namespace spanflow {

// The names of sets of fields. A configuration may use them like field names.
inline constexpr std::array<std::string_view, 3> kFieldSets = {"classic", "full", "nfstream"};

// Returns the sink's own list of names, or output.fields if the sink has no list.
const std::vector<std::string>& fields_of(const SinkConfig& sink, const Config& config);

// True if the feature of the group is on.
bool is_on(FieldGroup group, const Config& config);

// Returns the fields with these names or in these sets, in the order of `names`, each field once. "full" and "nfstream"
// leave out groups whose feature is off.
std::vector<const Field*> select_fields(std::span<const std::string> names, const Config& config);

// Returns what the fields need.
FieldNeeds needs_of(std::span<const Field* const> fields);

}  // namespace spanflow

// Finds the fields that a configuration names.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "sinks/field_table.h"

namespace spanflow {

// The names that stand for several fields.
inline constexpr std::array<std::string_view, 3> kFieldSets = {"classic", "full", "nfstream"};

// The sink's own list, or output.fields if the sink has none.
const std::vector<std::string>& fields_of(const SinkConfig& sink, const Config& config);

bool is_on(FieldGroup group, const Config& config);

// The fields of these names or sets, in order, each once. "full" and "nfstream" leave out groups whose feature is off.
std::vector<const Field*> select_fields(std::span<const std::string> names, const Config& config);

// The optional data that workers must keep for the fields to have values.
struct FieldNeeds {
  bool metadata = false;
  bool millisecond_gaps = false;
};
FieldNeeds needs_of(std::span<const Field* const> fields);

}  // namespace spanflow

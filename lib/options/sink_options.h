// The options of a sink: one entry of `sinks`.
#pragma once

#include <string>
#include <vector>

#include "options/value_types.h"

namespace spanflow {

// A list of field names and of field sets ("classic", "full", "nfstream"). A single word is read as a list with this
// word.
values::ValueType<std::vector<std::string>> field_selection();

values::ValueType<SinkConfig> sink();

}  // namespace spanflow

// The options of a sink: one entry of `sinks`.
#pragma once

#include <string>
#include <vector>

#include "options/value_types.h"

namespace spanflow {

// A value is "classic", "full", "nfstream", or a list of field names. A single word is a list of one.
values::ValueType<std::vector<std::string>> field_selection();

values::ValueType<SinkConfig> sink();

}  // namespace spanflow

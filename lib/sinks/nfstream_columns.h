// The columns of nfstream 6.6's CSV: same names, order and units, so that its readers can read spanflow's files.
#pragma once

#include <span>

#include "sinks/field_table.h"

namespace spanflow {

// All columns. select_fields() leaves out columns whose group is off, as nfstream does.
std::span<const Field> nfstream_columns();

}  // namespace spanflow

// The columns of the CSV files of nfstream 6.6, with the same names, order and units. A program that reads nfstream's
// files can then read spanflow's files.
#pragma once

#include <span>

#include "sinks/field_table.h"

namespace spanflow {

// All columns. select_fields() leaves out columns whose group is off, as nfstream does.
std::span<const Field> nfstream_columns();

}  // namespace spanflow

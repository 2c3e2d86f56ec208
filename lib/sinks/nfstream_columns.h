// The columns of nfstream 6.6's CSV: same names, order and units, so that what reads its files reads spanflow's.
#pragma once

#include <span>

#include "sinks/field_table.h"

namespace spanflow {

// All of them; those whose group is off are left out, as nfstream does it.
std::span<const Field> nfstream_columns();

}  // namespace spanflow

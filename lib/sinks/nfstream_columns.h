// The columns of the CSV files of nfstream 6.6, with the same names, order and units. A program that reads nfstream's
// files can then read spanflow's files.
#pragma once

#include <span>

#include "sinks/field_table.h"

namespace spanflow {

// All columns. select_fields() leaves out columns whose group is off, as nfstream does.
std::span<const Field> nfstream_columns();

// Returns the value of nDPI's enum ndpi_packet_tunnel, or 0 if the enum does not have the tunnel (IP in IP, for
// example). nfstream shows this number.
std::uint64_t tunnel_number(TunnelType type);

}  // namespace spanflow

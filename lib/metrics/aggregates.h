// The aggregates and quantities that a YAML metric can name, as in "sum: size". A new one is a row in aggregates.cc;
// the options, their schema and their complaints follow from the tables. docs/metrics.md explains each to users.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "decode/packet.h"
#include "spanflow/record.h"

namespace spanflow {

struct AggregateType {
  std::string_view name;  // the key of a metric
  std::string_view help;
  double of_no_packet;                // the result before the first packet
  std::uint32_t more_cells = 0;       // cells that `add` needs beside the result; they start at 0
  bool takes_countable_only = false;  // accepts the quantities that can only be counted
  // Adds the value of a packet. `result` is final after every packet: the code of other metrics may read it.
  void (*add)(double value, double& result, MetricCell* more);
};

struct QuantityType {
  std::string_view name;
  bool countable_only = false;
  // kNoValue if the packet does not have this quantity.
  double (*value_of)(const Packet& packet, bool is_first);
};

std::span<const AggregateType> aggregate_types();
std::span<const QuantityType> quantity_types();
// nullptr if there is none of this name.
const AggregateType* find_aggregate(std::string_view name);
const QuantityType* find_quantity(std::string_view name);

}  // namespace spanflow

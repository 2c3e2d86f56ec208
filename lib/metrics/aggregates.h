// The aggregates and quantities that a YAML metric can name, as in "sum: size". A new aggregate or quantity needs only
// a row in aggregates.cc: the options, their schema and their error messages are made from these tables.
// docs/metrics.md explains each row to users.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "decode/packet.h"
#include "spanflow/record.h"

namespace spanflow {

struct AggregateType {
  std::string_view name;  // the metric's key in the configuration
  std::string_view help;
  double of_no_packet;                // result before the first packet
  std::uint32_t more_cells = 0;       // number of cells that `add` needs in addition to the result; they start at 0
  bool takes_countable_only = false;  // true: also accepts quantities with countable_only
  // Adds the value of a packet. `more` points to the additional cells. `result` must be valid after every packet,
  // because the code of other metrics may read it.
  void (*add)(double value, double& result, MetricCell* more);
};

struct QuantityType {
  std::string_view name;
  bool countable_only = false;  // true: only aggregates with takes_countable_only accept this quantity
  // Returns kNoValue if the packet does not have this quantity. `is_first` is true for the first packet of the segment.
  double (*value_of)(const Packet& packet, bool is_first);
};

std::span<const AggregateType> aggregate_types();
std::span<const QuantityType> quantity_types();
// Returns nullptr if no aggregate has this name.
const AggregateType* find_aggregate(std::string_view name);
const QuantityType* find_quantity(std::string_view name);

}  // namespace spanflow

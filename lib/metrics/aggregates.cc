#include "metrics/aggregates.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace spanflow {
namespace {

void add_to_mean(double value, double& result, MetricCell* more) {
  double& sum = more[0].value;
  std::uint64_t& count = more[1].count;
  sum += value;
  ++count;
  result = sum / static_cast<double>(count);
}

// The aggregates min and max start as kNoValue, which is a NaN. They take the first value, because any comparison with
// a NaN is false.
constexpr std::array kAggregates = {
    AggregateType{.name = "count",
                  .help = "number of packets, or of packets that have this quantity",
                  .of_no_packet = 0,
                  .takes_countable_only = true,
                  .add = [](double, double& result, MetricCell*) { result += 1; }},
    AggregateType{.name = "sum",
                  .help = "sum over the packets",
                  .of_no_packet = 0,
                  .add = [](double value, double& result, MetricCell*) { result += value; }},
    AggregateType{.name = "min",
                  .help = "smallest value",
                  .of_no_packet = kNoValue,
                  .add = [](double value, double& result, MetricCell*) { result = result <= value ? result : value; }},
    AggregateType{.name = "max",
                  .help = "largest value",
                  .of_no_packet = kNoValue,
                  .add = [](double value, double& result, MetricCell*) { result = result >= value ? result : value; }},
    AggregateType{.name = "mean", .help = "mean value", .of_no_packet = kNoValue, .more_cells = 2, .add = add_to_mean},
    AggregateType{
        .name = "first",
        .help = "value of the first packet",
        .of_no_packet = kNoValue,
        .add = [](double value, double& result, MetricCell*) { result = std::isnan(result) ? value : result; }},
    AggregateType{.name = "last",
                  .help = "value of the last packet",
                  .of_no_packet = kNoValue,
                  .add = [](double value, double& result, MetricCell*) { result = value; }},
};

constexpr std::array kQuantities = {
    QuantityType{.name = "packets", .countable_only = true, .value_of = [](const Packet&, bool) { return 1.0; }},
    QuantityType{.name = "size", .value_of = [](const Packet& packet, bool) -> double { return packet.size; }},
    QuantityType{.name = "payload_size",
                 .value_of = [](const Packet& packet, bool) -> double { return packet.payload_size; }},
    QuantityType{.name = "ttl", .value_of = [](const Packet& packet, bool) -> double { return packet.ttl; }},
    QuantityType{.name = "tcp_window",
                 .value_of = [](const Packet& packet, bool) -> double {
                   return packet.has_tcp_window ? packet.tcp_window : kNoValue;
                 }},
    QuantityType{.name = "gap",
                 .value_of = [](const Packet& packet, bool is_first) -> double {
                   return is_first ? kNoValue : static_cast<double>(packet.gap_ns);
                 }},
};

template <typename Row>
const Row* find(std::span<const Row> rows, std::string_view name) {
  const auto found = std::ranges::find(rows, name, &Row::name);
  return found == rows.end() ? nullptr : &*found;
}

}  // namespace

std::span<const AggregateType> aggregate_types() { return kAggregates; }
std::span<const QuantityType> quantity_types() { return kQuantities; }
const AggregateType* find_aggregate(std::string_view name) { return find(aggregate_types(), name); }
const QuantityType* find_quantity(std::string_view name) { return find(quantity_types(), name); }

}  // namespace spanflow

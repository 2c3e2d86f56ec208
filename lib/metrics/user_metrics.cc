#include "metrics/user_metrics.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <string>

namespace spanflow {
namespace {

constexpr std::size_t kCellAlignment = alignof(MetricCell);

std::size_t aligned(std::size_t offset, std::size_t alignment) {
  return (offset + alignment - 1) / alignment * alignment;
}

std::string text_of_current_exception() {
  try {
    throw;
  } catch (const std::exception& error) {
    return *error.what() == '\0' ? "an exception without a text" : error.what();
  } catch (...) {
    return "an exception that is not a std::exception";
  }
}

}  // namespace

UserMetrics::UserMetrics(const MetricSet& set, std::uint32_t capacity, Counters& counters)
    : set_(set),
      counters_(counters),
      stride_(place_states()),
      memory_(stride_ * capacity),
      flows_(see_flows() ? capacity : 0) {}

std::size_t UserMetrics::place_states() {
  std::size_t end = set_.flow_cells() * sizeof(MetricCell);
  std::size_t alignment = kCellAlignment;
  for (const MetricSet::Plugin& plugin : set_.plugins()) {
    const MetricInterface& code = plugin.code.interface();
    const std::size_t state = aligned(end, code.state_alignment);
    end = state + code.state_size + 1;
    coded_.push_back({.code = &code, .power = &plugin.power, .state = state, .is_made = end - 1, .cell = plugin.cell});
    alignment = std::max<std::size_t>(alignment, code.state_alignment);
  }
  return aligned(end, alignment);
}

template <typename Call>
void UserMetrics::guarded(std::uint32_t cell, MetricSwitch& power, Call call) {
  if (!power.is_on()) return;
  counters_.set_running_metric(cell);
  try {
    call();
  } catch (...) {
    if (power.switch_off(text_of_current_exception())) counters_.add(Counter::kMetricsSwitchedOff);
  }
  counters_.set_running_metric(0);
}

void UserMetrics::start_segment(std::uint32_t index) {
  MetricCell* values = cells(index);
  if (see_flows()) flows_[index].metrics = MetricsView(values);
  values[0].names = &set_.names();
  for (const MetricSet::Aggregation& metric : set_.aggregations()) {
    values[metric.cell].value = metric.aggregate->of_no_packet;
    std::fill_n(values + metric.more_cells, metric.aggregate->more_cells, MetricCell{.count = 0});
  }
  for (const MetricSet::Callback& metric : set_.callbacks()) values[metric.cell].value = 0;
  auto* flow_memory = reinterpret_cast<std::byte*>(values);
  for (const Coded& metric : coded_) {
    values[metric.cell].value = kNoValue;
    guarded(metric.cell, *metric.power, [&] {
      metric.code->on_init(flow_memory + metric.state, flows_[index]);
      flow_memory[metric.is_made] = std::byte{1};
    });
  }
}

void UserMetrics::add(std::uint32_t index, const Packet& packet, bool is_first, const SegmentReader& reader) {
  MetricCell* values = cells(index);
  const std::uint8_t direction = packet.direction == Direction::kSrcToDst ? 1 : 2;
  for (const MetricSet::Aggregation& metric : set_.aggregations()) {
    const bool wanted =
        (packet.conditions & metric.conditions) == metric.conditions && (metric.directions & direction) != 0;
    if (!wanted) continue;
    const double value = metric.quantity->value_of(packet, is_first);
    if (!std::isnan(value)) metric.aggregate->add(value, values[metric.cell].value, values + metric.more_cells);
  }
  auto* flow_memory = reinterpret_cast<std::byte*>(values);
  for (const Coded& metric : coded_) {
    guarded(metric.cell, *metric.power,
            [&] { metric.code->on_packet(flow_memory + metric.state, packet, flows_[index]); });
  }
  for (const MetricSet::Callback& metric : set_.callbacks()) {
    guarded(metric.cell, metric.power, [&] { metric.code.on_packet(packet, flows_[index]); });
  }
  if (set_.observer() == nullptr) return;
  const std::uint64_t switched_off = set_.observer()->on_packet(index, packet, is_first, flows_[index], reader);
  if (switched_off > 0) counters_.add(Counter::kMetricsSwitchedOff, switched_off);
}

void UserMetrics::end_segment(std::uint32_t index) {
  MetricCell* values = cells(index);
  auto* flow_memory = reinterpret_cast<std::byte*>(values);
  for (const Coded& metric : coded_) {
    guarded(metric.cell, *metric.power,
            [&] { values[metric.cell].value = metric.code->on_expire(flow_memory + metric.state, flows_[index]); });
    destroy(metric, flow_memory);
  }
  for (const MetricSet::Callback& metric : set_.callbacks()) {
    if (!metric.power.is_on()) values[metric.cell].value = kNoValue;
  }
  if (set_.observer() != nullptr) set_.observer()->on_end(index, flows_[index]);
}

// Destroys the state if it exists, even if the metric has been switched off.
void UserMetrics::destroy(const Coded& metric, std::byte* flow_memory) {
  if (flow_memory[metric.is_made] == std::byte{0}) return;
  metric.code->destroy(flow_memory + metric.state);
  flow_memory[metric.is_made] = std::byte{0};
}

MetricsView UserMetrics::copy_values(std::uint32_t index, MetricCell* to) const {
  if (set_.record_cells() == 0) return MetricsView();
  std::copy_n(reinterpret_cast<const MetricCell*>(&memory_[index * stride_]), set_.record_cells(), to);
  return MetricsView(to);
}

}  // namespace spanflow

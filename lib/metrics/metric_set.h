// The user metrics of a run.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "metrics/aggregates.h"
#include "metrics/metric_plugin.h"
#include "spanflow/streamer.h"

namespace spanflow {

// True if the name is valid wherever metrics are named: as a C symbol and in YAML, CSV and JSON.
bool is_metric_name(std::string_view name);

// Switches off a metric whose code, which is the user's, has thrown. Thread-safe.
class MetricSwitch {
 public:
  bool is_on() const { return on_.load(std::memory_order_relaxed); }
  // True for the first call, whose reason is kept.
  bool switch_off(std::string why);
  // The reason given to switch_off(), once; empty if there is nothing new.
  std::string take_reason();

 private:
  std::atomic<bool> on_{true};
  std::mutex mutex_;
  std::string reason_;
};

// One per run; every worker reads it, and it must outlive them. `cell` is the position of a metric's value among the
// cells of a flow, of which the first has the names.
class MetricSet {
 public:
  struct Aggregation {
    const AggregateType* aggregate;
    const QuantityType* quantity;
    std::uint8_t directions;   // one bit for each direction that counts
    std::uint64_t conditions;  // the bit of its `when`, or none
    std::uint32_t cell;
    std::uint32_t more_cells;  // the first of aggregate->more_cells
  };
  struct Plugin {
    Plugin(const std::string& path, const std::string& name, std::uint32_t value_cell)
        : code(path, name), cell(value_cell) {}
    MetricPlugin code;
    std::uint32_t cell;
    mutable MetricSwitch power;
  };
  struct Callback {
    Callback(UserMetric metric, std::uint32_t value_cell) : code(std::move(metric)), cell(value_cell) {}
    UserMetric code;
    std::uint32_t cell;
    mutable MetricSwitch power;
  };

  // Loads the shared objects. Throws ConfigError.
  MetricSet(const std::vector<MetricConfig>& configured, const std::vector<UserMetric>& callbacks);

  bool empty() const { return names_->empty(); }
  const MetricNames& names() const { return *names_; }
  const std::vector<std::string>& conditions() const { return conditions_; }
  const std::vector<Aggregation>& aggregations() const { return aggregations_; }
  const std::deque<Plugin>& plugins() const { return plugins_; }
  const std::deque<Callback>& callbacks() const { return callbacks_; }
  // Cells of a record: the names and one value for each metric; 0 without metrics.
  std::uint32_t record_cells() const { return empty() ? 0 : static_cast<std::uint32_t>(1 + names_->size()); }
  // Cells of a flow: those of a record, and the further cells of aggregates.
  std::uint32_t flow_cells() const { return flow_cells_; }

  // A line for each metric that has been switched off since the last call.
  std::vector<std::string> take_failures() const;

 private:
  void add_aggregation(const MetricConfig& metric, std::uint32_t cell);
  std::uint64_t condition_bit(const std::string& expression);

  const MetricNames* names_;
  std::vector<std::string> conditions_;
  std::vector<Aggregation> aggregations_;
  std::deque<Plugin> plugins_;  // a deque, because its members cannot be moved
  std::deque<Callback> callbacks_;
  std::uint32_t flow_cells_;
};

}  // namespace spanflow

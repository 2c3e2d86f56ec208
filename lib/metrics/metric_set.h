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
#include "metrics/flow_observer.h"
#include "metrics/metric_plugin.h"
#include "spanflow/streamer.h"

namespace spanflow {

// True if the name is valid wherever metrics are named: as a C symbol, and in YAML, CSV and JSON.
bool is_metric_name(std::string_view name);

// Switches off a metric whose user code has thrown an exception. Thread-safe.
class MetricSwitch {
 public:
  bool is_on() const { return on_.load(std::memory_order_relaxed); }
  // The first call stores the reason and returns true. Later calls change nothing and return false.
  bool switch_off(std::string why);
  // The first call after switch_off() returns the reason. All other calls return an empty text.
  std::string take_reason();

 private:
  std::atomic<bool> on_{true};
  std::mutex mutex_;
  std::string reason_;
};

// One object per run. All workers read it, so it must outlive the workers. `cell` is the index of a metric's value in
// the array of MetricCells of a flow. Element 0 of this array points to the names.
class MetricSet {
 public:
  struct Aggregation {
    const AggregateType* aggregate;
    const QuantityType* quantity;
    std::uint8_t directions;   // one bit for each direction whose packets count, see direction_bit()
    std::uint64_t conditions;  // the bit of the metric's `when`; 0: no condition
    std::uint32_t cell;
    std::uint32_t more_cells;  // index of the first of the aggregate's additional cells
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

  // Loads the shared objects. Throws ConfigError if a shared object cannot be loaded or a metric is not valid.
  // `observer` may be nullptr, and must outlive the object.
  MetricSet(const std::vector<MetricConfig>& configured, const std::vector<UserMetric>& callbacks,
            FlowObserver* observer = nullptr);

  // True if no metric has a value.
  bool empty() const { return names_->empty(); }
  FlowObserver* observer() const { return observer_; }
  const MetricNames& names() const { return *names_; }
  const std::vector<std::string>& conditions() const { return conditions_; }
  const std::vector<Aggregation>& aggregations() const { return aggregations_; }
  const std::deque<Plugin>& plugins() const { return plugins_; }
  const std::deque<Callback>& callbacks() const { return callbacks_; }
  // The number of cells of a record: one for the names and one for each metric. 0 without metrics.
  std::uint32_t record_cells() const { return empty() ? 0 : static_cast<std::uint32_t>(1 + names_->size()); }
  // The number of cells of a flow: the cells of a record, and the additional cells of aggregates. At least one cell,
  // for the names, if there is an observer.
  std::uint32_t flow_cells() const { return flow_cells_; }

  // Returns a line for the log for each metric that has been switched off since the last call.
  std::vector<std::string> take_failures() const;

 private:
  void add_aggregation(const MetricConfig& metric, std::uint32_t cell);
  std::uint64_t condition_bit(const std::string& expression);

  const MetricNames* names_;
  std::vector<std::string> conditions_;
  std::vector<Aggregation> aggregations_;
  std::deque<Plugin> plugins_;  // a deque, because its elements cannot be moved
  std::deque<Callback> callbacks_;
  FlowObserver* observer_;
  std::uint32_t flow_cells_;
};

}  // namespace spanflow

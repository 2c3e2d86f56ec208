// The user metrics of a run: which there are, and what each is made of.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "metrics/metric_plugin.h"
#include "spanflow/streamer.h"

namespace spanflow {

// A name that is a word in every place where metrics are named: a C symbol, YAML, CSV, JSON.
bool is_metric_name(std::string_view name);

// Whether a metric whose code is the user's is still used. Thread-safe.
class MetricSwitch {
 public:
  bool is_on() const { return on_.load(std::memory_order_relaxed); }
  // True for the call that did it; `why` is kept then.
  bool switch_off(std::string why);
  // What switch_off() was told, once; empty if there is nothing new.
  std::string take_reason();

 private:
  std::atomic<bool> on_{true};
  std::mutex mutex_;
  std::string reason_;
};

// One per run; every worker reads it, and it must outlive them. `cell` is where a metric's value stands behind the
// names.
class MetricSet {
 public:
  struct Aggregation {
    Aggregate aggregate;
    Quantity quantity;
    std::uint8_t directions;   // a bit for each that counts
    std::uint64_t conditions;  // the bit of its `when`, or none
    std::uint32_t cell;
    std::uint32_t more_cells;  // of a mean: its sum and its count
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
  // What a record needs: the names and a value each; none without metrics.
  std::uint32_t record_cells() const { return empty() ? 0 : static_cast<std::uint32_t>(1 + names_->size()); }
  // What a flow needs: the same, and what means go by.
  std::uint32_t flow_cells() const { return flow_cells_; }

  // A line for each metric that has been switched off since the last call.
  std::vector<std::string> take_failures() const;

 private:
  void add_aggregation(const MetricConfig& metric, std::uint32_t cell);
  std::uint64_t condition_bit(const std::string& expression);

  const MetricNames* names_;
  std::vector<std::string> conditions_;
  std::vector<Aggregation> aggregations_;
  std::deque<Plugin> plugins_;  // its members do not move
  std::deque<Callback> callbacks_;
  std::uint32_t flow_cells_;
};

}  // namespace spanflow

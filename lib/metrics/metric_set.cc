#include "metrics/metric_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/intern.h"

namespace spanflow {
namespace {

// Stores each list of names once, for ever, because records point to the list, also while the program exits.
const MetricNames& keep(const MetricNames& names) {
  static std::mutex mutex;
  static auto& kept = *new std::set<MetricNames>;
  const std::lock_guard lock(mutex);
  return *kept.insert(names).first;
}

const MetricNames& names_of(const std::vector<MetricConfig>& configured, const std::vector<UserMetric>& callbacks) {
  MetricNames names;
  for (const MetricConfig& metric : configured) names.push_back(intern(metric.name));
  for (const UserMetric& metric : callbacks) {
    if (!is_metric_name(metric.name)) {
      throw ConfigError(fmt::format("user_metrics: expected a name of letters, digits and _, got \"{}\"", metric.name));
    }
    if (std::find(names.begin(), names.end(), metric.name) != names.end()) {
      throw ConfigError(fmt::format("user_metrics: {} is given twice", metric.name));
    }
    if (metric.on_packet == nullptr) throw ConfigError(fmt::format("user_metrics: {} has no function", metric.name));
    names.push_back(intern(metric.name));
  }
  return keep(names);
}

std::uint8_t direction_bits(MetricDirection direction) {
  switch (direction) {
    case MetricDirection::kSrcToDst:
      return 1;
    case MetricDirection::kDstToSrc:
      return 2;
    case MetricDirection::kBoth:
      break;
  }
  return 3;
}

}  // namespace

bool is_metric_name(std::string_view name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
  constexpr std::string_view kDigits = "0123456789";
  if (name.empty() || kLetters.find(name.front()) == std::string_view::npos) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) {
    return kLetters.find(c) != std::string_view::npos || kDigits.find(c) != std::string_view::npos;
  });
}

bool MetricSwitch::switch_off(std::string why) {
  const std::lock_guard lock(mutex_);
  if (!on_.exchange(false)) return false;
  reason_ = std::move(why);
  return true;
}

std::string MetricSwitch::take_reason() {
  if (is_on()) return {};
  const std::lock_guard lock(mutex_);
  return std::exchange(reason_, {});
}

MetricSet::MetricSet(const std::vector<MetricConfig>& configured, const std::vector<UserMetric>& callbacks,
                     FlowObserver* observer)
    : names_(&names_of(configured, callbacks)),
      observer_(observer),
      flow_cells_(std::max(record_cells(), observer == nullptr ? 0U : 1U)) {
  std::uint32_t cell = 1;
  for (const MetricConfig& metric : configured) {
    if (metric.plugin.empty()) {
      add_aggregation(metric, cell++);
      continue;
    }
    try {
      plugins_.emplace_back(metric.plugin, metric.name, cell++);
    } catch (const ConfigError& error) {
      throw ConfigError(fmt::format("metrics[{}].plugin: {}", cell - 2, error.what()));
    }
  }
  for (const UserMetric& metric : callbacks) callbacks_.emplace_back(metric, cell++);
}

void MetricSet::add_aggregation(const MetricConfig& metric, std::uint32_t cell) {
  const AggregateType* const aggregate = find_aggregate(metric.aggregate);
  const QuantityType* const quantity = find_quantity(metric.quantity);
  if (aggregate == nullptr || quantity == nullptr) {
    throw ConfigError(
        fmt::format("metrics: {}: \"{}: {}\" is unknown", metric.name, metric.aggregate, metric.quantity));
  }
  aggregations_.push_back({.aggregate = aggregate,
                           .quantity = quantity,
                           .directions = direction_bits(metric.direction),
                           .conditions = condition_bit(metric.when),
                           .cell = cell,
                           .more_cells = flow_cells_});
  flow_cells_ += aggregate->more_cells;
}

// Returns the bit of a condition, or 0 for an empty expression. Metrics with the same `when` share one bit.
std::uint64_t MetricSet::condition_bit(const std::string& expression) {
  if (expression.empty()) return 0;
  const auto known = std::find(conditions_.begin(), conditions_.end(), expression);
  const auto at = known - conditions_.begin();
  if (known == conditions_.end()) conditions_.push_back(expression);
  return std::uint64_t{1} << at;
}

std::vector<std::string> MetricSet::take_failures() const {
  std::vector<std::string> lines;
  const auto take = [&lines](MetricSwitch& power, std::string_view name) {
    const std::string reason = power.take_reason();
    if (!reason.empty()) lines.push_back(fmt::format("metric {} is switched off: it threw {}", name, reason));
  };
  for (const Plugin& plugin : plugins_) take(plugin.power, (*names_)[plugin.cell - 1]);
  for (const Callback& callback : callbacks_) take(callback.power, (*names_)[callback.cell - 1]);
  return lines;
}

}  // namespace spanflow

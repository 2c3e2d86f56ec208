// Converts a Summary to Prometheus metric families. Internal to lib/monitor.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "pipeline/summary.h"

namespace spanflow {

// The names come from the tables of counters and histograms. All begin with spanflow_, except process_*. Each family
// occurs once.
std::vector<prometheus::MetricFamily> metric_families(const Summary& summary);

}  // namespace spanflow

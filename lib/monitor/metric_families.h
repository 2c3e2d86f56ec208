// Converts a Summary to Prometheus metric families. Used only in lib/monitor.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "pipeline/summary.h"

namespace spanflow {

// The names of counters and histograms come from their tables. All names begin with spanflow_, except the metrics of
// the process, which begin with process_. Each family occurs once.
std::vector<prometheus::MetricFamily> metric_families(const Summary& summary);

}  // namespace spanflow

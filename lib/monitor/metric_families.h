// What a run is doing, in Prometheus' terms: families of time series. Internal to lib/telemetry.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "pipeline/summary.h"

namespace spanflow {

// Names follow from the tables of counters and distributions; every one begins with spanflow_, but for those of the
// process. A family is there once.
std::vector<prometheus::MetricFamily> metric_families(const Summary& summary);

}  // namespace spanflow

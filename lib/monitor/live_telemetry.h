// What a live run tells others about itself while it goes on.
#pragma once

#include <functional>
#include <memory>

#include "capture/dpdk_telemetry.h"
#include "config/config.h"
#include "monitor/prometheus.h"
#include "pipeline/summary.h"

namespace spanflow {

// `snapshot` is called by threads of others, and what it looks at must outlive this object. EAL must be there.
class LiveTelemetry {
 public:
  // What cannot be opened is a warning: the run goes on without.
  LiveTelemetry(const Config::Telemetry& options, const std::function<Summary()>& snapshot);

 private:
  std::unique_ptr<PrometheusEndpoint> prometheus_;
  DpdkTelemetry dpdk_;
};

}  // namespace spanflow

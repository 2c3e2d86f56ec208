// Publishes the counters of a live run, for Prometheus and on DPDK's telemetry socket.
#pragma once

#include <functional>
#include <memory>

#include "capture/dpdk_telemetry.h"
#include "config/config.h"
#include "monitor/prometheus.h"
#include "pipeline/summary.h"

namespace spanflow {

// Other threads call `snapshot`. `snapshot` must be thread-safe, and the objects that it uses must outlive this object.
// EAL must be initialised.
class LiveTelemetry {
 public:
  // If the Prometheus endpoint cannot be opened, logs a warning, and the run continues without the endpoint.
  LiveTelemetry(const Config::Telemetry& options, const std::function<Summary()>& snapshot);

 private:
  std::unique_ptr<PrometheusEndpoint> prometheus_;
  DpdkTelemetry dpdk_;
};

}  // namespace spanflow

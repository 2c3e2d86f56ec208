// Publishes the counters of a live run: to Prometheus and through DPDK's telemetry socket.
#pragma once

#include <functional>
#include <memory>

#include "capture/dpdk_telemetry.h"
#include "config/config.h"
#include "monitor/prometheus.h"
#include "pipeline/summary.h"

namespace spanflow {

// Other threads call `snapshot`, so it must be thread-safe and outlive this object. EAL must be initialized.
class LiveTelemetry {
 public:
  // Logs a warning if the Prometheus endpoint cannot be opened; the run continues without it.
  LiveTelemetry(const Config::Telemetry& options, const std::function<Summary()>& snapshot);

 private:
  std::unique_ptr<PrometheusEndpoint> prometheus_;
  DpdkTelemetry dpdk_;
};

}  // namespace spanflow

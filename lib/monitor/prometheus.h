// Shows Prometheus what a run is doing: a small web server with /metrics.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "pipeline/summary.h"

namespace spanflow {

// Serves by threads of its own, which call `snapshot` once for each scrape: it must be thread-safe, and what it looks
// at must outlive the endpoint.
class PrometheusEndpoint {
 public:
  // `listen`: HOST:PORT; an IPv6 address stands in brackets. Throws RunError if it cannot be listened on.
  PrometheusEndpoint(const std::string& listen, std::function<Summary()> snapshot);
  ~PrometheusEndpoint();

 private:
  struct Server;
  std::unique_ptr<Server> server_;
};

// What a scrape gives.
std::string to_prometheus(const Summary& summary);

// A Markdown table of all families, in docs/telemetry.md.
std::string list_telemetry();

}  // namespace spanflow

// Serves the metrics of a run to Prometheus: a small web server with the page /metrics.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "pipeline/summary.h"

namespace spanflow {

// The endpoint's own threads call `snapshot` once for each scrape. `snapshot` must be thread-safe, and the objects that
// it uses must outlive the endpoint.
class PrometheusEndpoint {
 public:
  // `listen` is HOST:PORT. An IPv6 address is in brackets. Throws RunError if this address cannot be opened.
  PrometheusEndpoint(const std::string& listen, std::function<Summary()> snapshot);
  ~PrometheusEndpoint();

 private:
  struct Server;
  std::unique_ptr<Server> server_;
};

// Returns the metrics in Prometheus's text format, as a scrape receives them.
std::string to_prometheus(const Summary& summary);

// Returns a Markdown table of all families, for docs/telemetry.md.
std::string list_telemetry();

}  // namespace spanflow

// Serves a run's metrics to Prometheus: a small web server with the page /metrics.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "pipeline/summary.h"

namespace spanflow {

// The endpoint's own threads call `snapshot` once for each scrape: it must be thread-safe and outlive the endpoint.
class PrometheusEndpoint {
 public:
  // `listen` is HOST:PORT, with an IPv6 address in brackets. Throws RunError if that address cannot be opened.
  PrometheusEndpoint(const std::string& listen, std::function<Summary()> snapshot);
  ~PrometheusEndpoint();

 private:
  struct Server;
  std::unique_ptr<Server> server_;
};

// The text of a scrape.
std::string to_prometheus(const Summary& summary);

// A Markdown table of all families, for docs/telemetry.md.
std::string list_telemetry();

}  // namespace spanflow

#include "monitor/prometheus.h"

#include <CivetServer.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <prometheus/collectable.h>
#include <prometheus/exposer.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <optional>
#include <set>
#include <string_view>

#include "base/error.h"
#include "monitor/metric_families.h"
#include "telemetry/log.h"

namespace spanflow {
namespace {

// The first log message of the web server on this thread. If the server cannot start, this message is the reason.
thread_local std::string first_message;

int take_log(const mg_connection*, const char* text) {
  if (first_message.empty()) first_message = text;
  log().debug("{}", text);
  return 1;  // 1: civetweb does not write the message to standard error
}

class Scrape : public prometheus::Collectable {
 public:
  explicit Scrape(std::function<Summary()> snapshot) : snapshot_(std::move(snapshot)) {}
  std::vector<prometheus::MetricFamily> Collect() const override { return metric_families(snapshot_()); }

 private:
  const std::function<Summary()> snapshot_;
};

std::string_view name_of(prometheus::MetricType type) {
  switch (type) {
    case prometheus::MetricType::Counter:
      return "counter";
    case prometheus::MetricType::Histogram:
      return "histogram";
    default:
      return "gauge";
  }
}

std::string labels_of(const prometheus::MetricFamily& family) {
  std::set<std::string> names;
  for (const auto& metric : family.metric) {
    for (const auto& label : metric.label) names.insert(fmt::format("`{}`", label.name));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

struct PrometheusEndpoint::Server {
  CivetCallbacks callbacks;
  std::shared_ptr<Scrape> scrape;
  std::optional<prometheus::Exposer> exposer;
};

PrometheusEndpoint::PrometheusEndpoint(const std::string& listen, std::function<Summary()> snapshot)
    : server_(std::make_unique<Server>()) {
  // A peer that sends its request slowly occupies a thread. With these limits, several such peers cannot keep
  // Prometheus away for longer than a second.
  const std::vector<std::string> options = {"listening_ports",    listen, "num_threads",      "16",
                                            "request_timeout_ms", "1000", "connection_queue", "64",
                                            "enable_keep_alive",  "no"};
  server_->callbacks.log_message = take_log;
  server_->scrape = std::make_shared<Scrape>(std::move(snapshot));
  first_message.clear();
  try {
    server_->exposer.emplace(options, &server_->callbacks);
  } catch (const CivetException&) {
    throw RunError(first_message.empty() ? "cannot listen on " + listen : first_message);
  }
  server_->exposer->RegisterCollectable(server_->scrape);
}

PrometheusEndpoint::~PrometheusEndpoint() = default;

std::string to_prometheus(const Summary& summary) {
  return prometheus::TextSerializer().Serialize(metric_families(summary));
}

std::string list_telemetry() {
  Summary summary;
  summary.per_worker.emplace_back();
  summary.ports.emplace_back();
  summary.sinks.push_back({.spool = SpoolDepth{}});
  std::string text =
      "| family | type | labels | meaning |\n"
      "| --- | --- | --- | --- |\n";
  for (const prometheus::MetricFamily& family : metric_families(summary)) {
    text += fmt::format("| `{}` | {} | {} | {} |\n", family.name, name_of(family.type), labels_of(family), family.help);
  }
  return text;
}

}  // namespace spanflow

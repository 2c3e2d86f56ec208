#include "monitor/live_telemetry.h"

#include <charconv>

#include "base/error.h"
#include "telemetry/log.h"

namespace spanflow {
namespace {

using Snapshot = std::function<Summary()>;

std::unique_ptr<PrometheusEndpoint> open_endpoint(const std::string& listen, const Snapshot& snapshot) {
  if (listen.empty()) return nullptr;
  try {
    auto endpoint = std::make_unique<PrometheusEndpoint>(listen, snapshot);
    log().info("telemetry.listen: http://{}/metrics", listen);
    return endpoint;
  } catch (const RunError& error) {
    log().warn("telemetry.listen: {}; Prometheus gets no metrics", error.what());
    return nullptr;
  }
}

TelemetryNumbers numbers_of(const CounterValues& counters) {
  TelemetryNumbers numbers;
  for (const CounterInfo& counter : kCounters) {
    numbers.emplace_back(counter.name, value_of(counters, counter.id));
  }
  return numbers;
}

TelemetryNumbers numbers_of(const PortCounts& port) {
  TelemetryNumbers numbers{{"received", port.received}};
  for (const auto& [counter, count] : counters_of(port)) numbers.emplace_back(info(counter).name, count);
  return numbers;
}

TelemetryNumbers numbers_of(const SinkLedger& sink) {
  TelemetryNumbers numbers{{"handed", sink.handed}, {"recovered", sink.recovered}, {"delivered", sink.delivered},
                           {"queued", sink.queued}, {"spooled", sink.spooled},     {"waiting", sink.waiting}};
  for (std::size_t reason = 0; reason < sink.dropped.size(); ++reason) {
    numbers.emplace_back("dropped." + std::string(kDropReasonNames[reason]), sink.dropped[reason]);
  }
  return numbers;
}

std::string name_of(const CounterValues&, std::size_t at) { return std::to_string(at); }
std::string name_of(const PortCounts& port, std::size_t) { return port.name; }
std::string name_of(const SinkLedger& sink, std::size_t) { return sink.name; }

// Answers a command in the style of DPDK's own commands. Without a parameter, the answer is the list of items. With a
// number, the answer is the values of the item at this index. Returns nullopt for an invalid number.
template <typename Item>
std::optional<TelemetryAnswer> list_or_one(const std::vector<Item>& items, const std::string& number) {
  if (number.empty()) {
    TelemetryList names;
    for (std::size_t at = 0; at < items.size(); ++at) names.push_back(name_of(items[at], at));
    return names;
  }
  std::size_t at = 0;
  const char* const end = number.data() + number.size();
  const auto [read_to, error] = std::from_chars(number.data(), end, at);
  if (error != std::errc() || read_to != end || at >= items.size()) return std::nullopt;
  return numbers_of(items[at]);
}

std::vector<TelemetryCommand> commands(const Snapshot& snapshot) {
  return {
      {"/spanflow/summary", "Returns the counters of the run. Takes no parameters",
       [snapshot](const std::string&) { return TelemetryAnswer{numbers_of(snapshot().counters)}; }},
      {"/spanflow/workers", "Lists the workers. With an index from this list: the counters of that worker",
       [snapshot](const std::string& number) { return list_or_one(snapshot().per_worker, number); }},
      {"/spanflow/ports", "Lists the ports. With an index from this list: the counters of that port",
       [snapshot](const std::string& number) { return list_or_one(snapshot().ports, number); }},
      {"/spanflow/sinks", "Lists the sinks. With an index from this list: the ledger of that sink",
       [snapshot](const std::string& number) { return list_or_one(snapshot().sinks, number); }},
  };
}

}  // namespace

LiveTelemetry::LiveTelemetry(const Config::Telemetry& options, const Snapshot& snapshot)
    : prometheus_(open_endpoint(options.listen, snapshot)), dpdk_(commands(snapshot)) {}

}  // namespace spanflow

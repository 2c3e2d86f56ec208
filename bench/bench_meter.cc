// Measures one worker with generated traffic, from the packet source to a sink that only counts records. Prints one
// JSON object.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "export/collector.h"
#include "flow/meter.h"
#include "generated_source.h"
#include "guarded.h"
#include "measures.h"
#include "options/loader.h"
#include "traffic_options.h"

namespace spanflow::bench {
namespace {

struct Plan {
  TrafficOptions traffic;
  std::string kind = "flows";
  std::vector<std::string> captures;
  std::vector<std::string> settings;
};

struct Moment {
  double wall_s = 0;
  double thread_s = 0;  // CPU time of the calling thread
  std::uint64_t packets = 0;
  std::uint64_t records = 0;
};

Moment now(const Counters& counters) {
  return {seconds(CLOCK_MONOTONIC), seconds(CLOCK_THREAD_CPUTIME_ID), counters.get(Counter::kPacketsReceived),
          counters.get(Counter::kRecordsExported)};
}

class CountingSink : public Sink {
 public:
  explicit CountingSink(std::uint64_t& records) : records_(records) {}
  void write(std::span<const FlowRecord> records) override { records_ += records.size(); }
  void flush() override {}

 private:
  std::uint64_t& records_;
};

Traffic make_traffic(const Plan& plan) {
  TrafficOptions options = plan.traffic;
  const Kind& kind = kind_named(plan.kind);
  options.order = kind.order;
  return {options, plan.captures.empty() ? kind.conversations() : recorded_conversations(plan.captures)};
}

// The inactive timeout is longer than the time between two packets of a flow. The flow table also has room for flows
// that have no more packets but have not timed out yet. The settings of the command line replace these values.
Config config_for(const Plan& plan) {
  const TrafficOptions& traffic = plan.traffic;
  const std::uint64_t inactive_s = 1 + 2 * traffic.flows / traffic.packets_per_s;
  Config config;
  config.flow.inactive_timeout = std::chrono::seconds{inactive_s};
  config.flow.capacity = traffic.flows + traffic.new_flows_per_s * (inactive_s + 1) + 1024;
  for (const std::string& setting : plan.settings) apply_setting(setting, config);
  config.workers = 1;
  return config;
}

// Returns the CPU time of generating one packet. bench/meter subtracts it from the total.
double source_ns_per_packet(const Plan& plan) {
  GeneratedSource source(make_traffic(plan), {});
  constexpr std::uint64_t kEnough = 2'000'000;
  std::uint64_t packets = 0;
  const double start = seconds(CLOCK_THREAD_CPUTIME_ID);
  for (Burst burst = source.poll(); burst.state != Burst::State::kEnd && packets < kEnough; burst = source.poll()) {
    packets += burst.packets.size();
  }
  return (seconds(CLOCK_THREAD_CPUTIME_ID) - start) * 1e9 / static_cast<double>(packets);
}

struct Outcome {
  // The measurement starts at `warm` and ends at `ended`, after the last packet. At `drained`, the flows that were
  // still open have been exported too.
  Moment warm, ended, drained;
  std::uint64_t flows = 0;
  std::uint64_t delivered = 0;
};

// Returns the number of packets before the measurement starts, at most half of all packets. After these packets, all
// initial flows are open. With new flows, flows also end as often as they begin.
std::uint64_t warm_after(const Plan& plan, const Config& config) {
  if (kind_named(plan.kind).order != Order::kRounds) return 0;
  const auto inactive_s =
      static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(config.flow.inactive_timeout).count());
  const std::uint64_t until_ends = plan.traffic.new_flows_per_s > 0 ? inactive_s * plan.traffic.packets_per_s : 0;
  return std::min(plan.traffic.flows + until_ends, plan.traffic.packets / 2);
}

// Sets up the threads as lib/pipeline does, but with the source and the sink of this program.
Outcome meter(const Plan& plan) {
  const Config config = config_for(plan);
  const Decoder decoder(config.decode.tunnels, config.flow.vlan_key);
  const MetricSet metrics(config.metrics, {});
  Counters counters;
  Outcome outcome;
  GeneratedSource source(make_traffic(plan), {.warm_after = warm_after(plan, config),
                                              .warm = [&] { outcome.warm = now(counters); },
                                              .ended = [&] { outcome.ended = now(counters); }});
  ExportRing ring(kExportRingBlocks, Features::give_extras(config), metrics.record_cells());
  const std::atomic<bool> abandon{false};
  constexpr std::uint64_t kQueueRecords = 65'536;
  SinkRunner runner("count", std::make_unique<CountingSink>(outcome.delivered), kQueueRecords, true, abandon);
  Counters collected;
  Collector collector({&ring}, {&runner}, collected);
  Meter meter(config, 0, source, decoder, ring, metrics, nullptr, counters);

  runner.start();
  collector.start();
  meter.run();
  outcome.drained = now(counters);
  collector.finish();
  runner.finish();
  if (meter.failure() != nullptr) std::rethrow_exception(meter.failure());
  outcome.flows = source.traffic().flows();
  return outcome;
}

// Throws if a packet was not metered, or if a record did not reach the sink.
void check(const Outcome& outcome, const Plan& plan) {
  if (outcome.drained.packets != plan.traffic.packets) throw std::logic_error("not every packet was metered");
  if (outcome.drained.records != outcome.delivered) throw std::logic_error("not every record came to the sink");
}

void print(const Outcome& outcome, double source_ns) {
  const auto packets = static_cast<double>(outcome.ended.packets - outcome.warm.packets);
  const double wall_s = outcome.ended.wall_s - outcome.warm.wall_s;
  const double thread_s = outcome.ended.thread_s - outcome.warm.thread_s;
  const auto records = static_cast<double>(outcome.ended.records - outcome.warm.records);
  const auto drained = static_cast<double>(outcome.drained.records - outcome.ended.records);
  fmt::print(
      "{{\"mpps\": {:.3f}, \"cpu_ns_per_packet\": {:.1f}, \"source_ns_per_packet\": {:.1f}, \"records_per_s\": {:.0f}, "
      "\"drained_records_per_s\": {:.0f}, \"resident_mb\": {:.0f}, \"packets\": {}, \"flows\": {}, \"records\": {}}}\n",
      packets / wall_s * 1e-6, thread_s * 1e9 / packets, source_ns, records / wall_s,
      drained / (outcome.drained.wall_s - outcome.ended.wall_s), greatest_resident_mb(), outcome.drained.packets,
      outcome.flows, outcome.delivered);
}

int run(int argc, char** argv) {
  CLI::App parser{"Meters generated traffic in one thread and prints the speed."};
  Plan plan{.traffic = {.flows = 1'000'000, .packets = 20'000'000, .packets_per_s = 5'000'000}};
  add_traffic_options(parser, plan.traffic, plan.kind);
  parser.add_option("--captures", plan.captures, "repeat the flows of these captures instead of those of --kind");
  parser.add_option("-s,--set", plan.settings, "any option of spanflowd, such as dpi.enabled=false")
      ->allow_extra_args(false);
  CLI11_PARSE(parser, argc, argv);
  const double source_ns = source_ns_per_packet(plan);
  const Outcome outcome = meter(plan);
  check(outcome, plan);
  print(outcome, source_ns);
  return 0;
}

}  // namespace
}  // namespace spanflow::bench

int main(int argc, char** argv) { return spanflow::bench::guarded("bench_meter", spanflow::bench::run, argc, argv); }

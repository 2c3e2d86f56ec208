// Measures workers with generated traffic, from the packet source to a sink that only counts records. Prints one JSON
// object.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "export/collector.h"
#include "flow/flow_cache.h"
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
  std::uint32_t workers = 1;
};

struct Moment {
  double wall_s = 0;
  double thread_s = 0;  // CPU time of the calling thread
  std::uint64_t packets = 0;
  std::uint64_t records = 0;
  std::uint64_t open_flows = 0;
};

Moment now(const Counters& counters) {
  return {seconds(CLOCK_MONOTONIC), seconds(CLOCK_THREAD_CPUTIME_ID), counters.get(Counter::kPacketsReceived),
          counters.get(Counter::kRecordsExported), counters.get(Counter::kFlowsOpen)};
}

class CountingSink : public Sink {
 public:
  explicit CountingSink(std::uint64_t& records) : records_(records) {}
  void write(std::span<const FlowRecord> records) override { records_ += records.size(); }
  void flush() override {}

 private:
  std::uint64_t& records_;
};

std::vector<Conversation> conversations_of(const Plan& plan) {
  return plan.captures.empty() ? kind_named(plan.kind).conversations() : recorded_conversations(plan.captures);
}

// Returns the traffic of one worker: its share of the flows and packets.
Traffic make_traffic(const Plan& plan, const std::vector<Conversation>& conversations, std::uint32_t worker) {
  TrafficOptions options = plan.traffic;
  options.packets /= plan.workers;
  options.packets_per_s /= plan.workers;
  options.new_flows_per_s /= plan.workers;
  options.flows = std::max<std::uint64_t>(1, options.flows / plan.workers);
  options.seed += worker;
  options.order = kind_named(plan.kind).order;
  return {options, conversations};
}

// The inactive timeout is longer than the time between two packets of a flow. The flow table also has room for flows
// that have no more packets but have not timed out yet. The settings of the command line replace these values.
Config config_for(const Plan& plan, const Traffic& of_worker) {
  const TrafficOptions& traffic = plan.traffic;
  const bool is_trace = kind_named(plan.kind).order == Order::kTrace;
  // A table keeps a flow until a sweep finds that it has timed out.
  constexpr std::uint64_t kSweepDelayS = FlowCache::kSweepDelayNs / 1'000'000'000;
  const std::uint64_t inactive_s = is_trace ? traffic.idle_s - std::min(traffic.idle_s - 1, kSweepDelayS)
                                            : 1 + 2 * traffic.flows / traffic.packets_per_s;
  const std::uint64_t ended = traffic.new_flows_per_s * (inactive_s + 1);
  Config config;
  config.flow.inactive_timeout = std::chrono::seconds{inactive_s};
  config.flow.capacity = (is_trace ? of_worker.flows() * plan.workers : traffic.flows + ended) + 1024;
  for (const std::string& setting : plan.settings) apply_setting(setting, config);
  config.workers = plan.workers;
  return config;
}

// Returns the CPU time of generating one packet. bench/meter subtracts it from the total.
double source_ns_per_packet(const Traffic& traffic) {
  GeneratedSource source(traffic, {});
  constexpr std::uint64_t kEnough = 2'000'000;
  std::uint64_t packets = 0;
  const double start = seconds(CLOCK_THREAD_CPUTIME_ID);
  for (Burst burst = source.poll(); burst.state != Burst::State::kEnd && packets < kEnough; burst = source.poll()) {
    packets += burst.packets.size();
  }
  return (seconds(CLOCK_THREAD_CPUTIME_ID) - start) * 1e9 / static_cast<double>(packets);
}

// Returns the number of packets before the measurement starts, at most half of all packets. After these packets, all
// initial flows are open. With new flows, flows also end as often as they begin.
std::uint64_t warm_after(const Plan& plan, const Config& config, const Traffic& traffic) {
  if (traffic.packets_before() > 0) return traffic.packets_before();
  if (kind_named(plan.kind).order != Order::kRounds) return 0;
  const auto inactive_s =
      static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(config.flow.inactive_timeout).count());
  const std::uint64_t until_ends = plan.traffic.new_flows_per_s > 0 ? inactive_s * plan.traffic.packets_per_s : 0;
  return std::min((plan.traffic.flows + until_ends) / plan.workers, traffic.packets() / 2);
}

// The measurement starts at `warm` and ends at `ended`, after the last packet. At `drained`, the flows that were still
// open have been exported too.
struct Moments {
  Moment warm, ended, drained;
};

// What all workers share.
struct Shared {
  const Config& config;
  const Decoder decoder{config.decode.tunnels, config.flow.vlan_key};
  const MetricSet metrics{config.metrics, {}};
};

// Sets up a worker's thread as lib/pipeline does, but with the source of this program.
class Worker {
 public:
  Worker(const Shared& shared, std::uint16_t number, const Plan& plan, const Traffic& traffic)
      : packets_(traffic.packets()),
        source_(traffic, {.warm_after = warm_after(plan, shared.config, traffic),
                          .warm = [this] { moments_.warm = now(counters_); },
                          .ended = [this] { moments_.ended = now(counters_); }}),
        ring_(kExportRingBlocks, Features::give_extras(shared.config), shared.metrics.record_cells()),
        meter_(shared.config, number, source_, shared.decoder, ring_, shared.metrics, nullptr, counters_) {}

  ExportRing& ring() { return ring_; }
  std::uint64_t flows() const { return source_.traffic().flows(); }
  const Moments& moments() const { return moments_; }

  void run() {
    meter_.run();
    moments_.drained = now(counters_);
  }
  // Throws if a packet was not metered.
  void check() const {
    if (meter_.failure() != nullptr) std::rethrow_exception(meter_.failure());
    if (moments_.drained.packets != packets_) throw std::logic_error("not every packet was metered");
  }

 private:
  const std::uint64_t packets_;
  Counters counters_;
  Moments moments_;
  GeneratedSource source_;
  ExportRing ring_;
  Meter meter_;
};

using Workers = std::vector<std::unique_ptr<Worker>>;

// Runs the workers, and a collector with a sink that counts. Throws if a record did not reach the sink.
void meter(Workers& workers) {
  std::uint64_t delivered = 0;
  const std::atomic<bool> abandon{false};
  constexpr std::uint64_t kQueueRecords = 65'536;
  SinkRunner runner("count", std::make_unique<CountingSink>(delivered), kQueueRecords, true, abandon);
  Counters collected;
  std::vector<ExportRing*> rings;
  for (const auto& worker : workers) rings.push_back(&worker->ring());
  Collector collector(std::move(rings), {&runner}, collected);
  runner.start();
  collector.start();
  {
    std::vector<std::jthread> threads;
    for (const auto& worker : workers) threads.emplace_back([&worker] { worker->run(); });
  }
  collector.finish();
  runner.finish();
  std::uint64_t exported = 0;
  for (const auto& worker : workers) {
    worker->check();
    exported += worker->moments().drained.records;
  }
  if (exported != delivered) throw std::logic_error("not every record came to the sink");
}

// Sums over the workers; the times per packet are means.
void print(const Workers& workers, double source_ns) {
  double mpps = 0;
  double thread_s = 0;
  double records_per_s = 0;
  double drained_per_s = 0;
  std::uint64_t measured = 0;
  std::uint64_t packets = 0;
  std::uint64_t flows = 0;
  std::uint64_t open_flows = 0;
  std::uint64_t records = 0;
  for (const auto& worker : workers) {
    const auto& [warm, ended, drained] = worker->moments();
    const double wall_s = ended.wall_s - warm.wall_s;
    mpps += static_cast<double>(ended.packets - warm.packets) / wall_s * 1e-6;
    thread_s += ended.thread_s - warm.thread_s;
    records_per_s += static_cast<double>(ended.records - warm.records) / wall_s;
    drained_per_s += static_cast<double>(drained.records - ended.records) / (drained.wall_s - ended.wall_s);
    measured += ended.packets - warm.packets;
    packets += drained.packets;
    flows += worker->flows();
    open_flows += warm.open_flows;
    records += drained.records;
  }
  fmt::print(
      "{{\"mpps\": {:.3f}, \"cpu_ns_per_packet\": {:.1f}, \"source_ns_per_packet\": {:.1f}, \"records_per_s\": {:.0f}, "
      "\"drained_records_per_s\": {:.0f}, \"resident_mb\": {:.0f}, \"packets\": {}, \"flows\": {}, \"open_flows\": {}, "
      "\"records\": {}}}\n",
      mpps, thread_s * 1e9 / static_cast<double>(measured), source_ns, records_per_s, drained_per_s,
      greatest_resident_mb(), packets, flows, open_flows, records);
}

int run(int argc, char** argv) {
  CLI::App parser{"Meters generated traffic and prints the speed."};
  Plan plan{.traffic = {.flows = 1'000'000, .packets = 20'000'000, .packets_per_s = 5'000'000}};
  add_traffic_options(parser, plan.traffic, plan.kind);
  parser.add_option("--captures", plan.captures, "repeat the flows of these captures instead of those of --kind");
  parser.add_option("-s,--set", plan.settings, "any option of spanflowd, such as dpi.enabled=false")
      ->allow_extra_args(false);
  parser.add_option("--workers", plan.workers, "number of workers, which share the traffic")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  CLI11_PARSE(parser, argc, argv);
  const std::vector<Conversation> conversations = conversations_of(plan);
  std::vector<Traffic> traffic;
  for (std::uint32_t number = 0; number < plan.workers; ++number) {
    traffic.push_back(make_traffic(plan, conversations, number));
  }
  const double source_ns = source_ns_per_packet(traffic.front());
  const Config config = config_for(plan, traffic.front());
  const Shared shared{config};
  Workers workers;
  for (std::uint16_t number = 0; number < plan.workers; ++number) {
    workers.push_back(std::make_unique<Worker>(shared, number, plan, traffic[number]));
  }
  meter(workers);
  print(workers, source_ns);
  return 0;
}

}  // namespace
}  // namespace spanflow::bench

int main(int argc, char** argv) { return spanflow::bench::guarded("bench_meter", spanflow::bench::run, argc, argv); }

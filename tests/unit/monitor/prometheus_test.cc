// Tests the Prometheus text of a Summary.
#include "monitor/prometheus.h"

#include <gmock/gmock.h>

#include <regex>

#include "base/error.h"

namespace spanflow::testing::prometheus_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::uint64_t& at(CounterValues& counters, Counter counter) { return counters[static_cast<std::size_t>(counter)]; }

// Returns the Summary of one worker, with this value of one counter.
Summary with(Counter counter, std::uint64_t value) {
  Summary summary;
  summary.workers = 1;
  at(summary.per_worker.emplace_back(), counter) = value;
  return summary;
}

TEST(Prometheus, MetricNamesComeFromCounterNames) {
  EXPECT_THAT(to_prometheus(with(Counter::kPacketsReceived, 5)),
              HasSubstr("# TYPE spanflow_packets_received_total counter\n"
                        "spanflow_packets_received_total{worker=\"0\"} 5\n"));
  EXPECT_THAT(to_prometheus(with(Counter::kIgnoredFiltered, 5)),
              HasSubstr("spanflow_packets_ignored_total{reason=\"filtered\",worker=\"0\"} 5\n"));
  EXPECT_THAT(to_prometheus(with(Counter::kExportedInactive, 5)),
              HasSubstr("spanflow_flows_exported_total{reason=\"inactive\",worker=\"0\"} 5\n"));
  EXPECT_THAT(to_prometheus(with(Counter::kPacketsReaderRingFull, 5)),
              HasSubstr("spanflow_packets_lost_total{reason=\"reader_ring_full\",worker=\"0\"} 5\n"));
}

TEST(Prometheus, UnitsAreBaseUnits) {
  EXPECT_THAT(to_prometheus(with(Counter::kOctetsMetered, 1500)),
              HasSubstr("spanflow_metered_bytes_total{worker=\"0\"} 1500\n"));
  EXPECT_THAT(to_prometheus(with(Counter::kWorkerBusy, 1'500'000'000)),
              HasSubstr("spanflow_worker_busy_seconds_total{worker=\"0\"} 1.5\n"));
}

TEST(Prometheus, CountersThatGoDownAreGauges) {
  EXPECT_THAT(to_prometheus(with(Counter::kFlowsOpen, 5)),
              HasSubstr("# TYPE spanflow_flows_open gauge\nspanflow_flows_open{worker=\"0\"} 5\n"));
  EXPECT_THAT(to_prometheus(with(Counter::kFlowsEvictedIdle, 2'500'000'000)),
              HasSubstr("# TYPE spanflow_flows_evicted_idle_seconds gauge\n"
                        "spanflow_flows_evicted_idle_seconds{worker=\"0\"} 2.5\n"));
}

TEST(Prometheus, EachThreadHasALabel) {
  Summary summary = with(Counter::kPacketsMetered, 5);
  at(summary.per_worker.emplace_back(), Counter::kPacketsMetered) = 7;
  at(summary.distributor.emplace(), Counter::kIgnoredNotIp) = 9;
  const std::string text = to_prometheus(summary);
  EXPECT_THAT(text, HasSubstr("spanflow_packets_metered_total{worker=\"0\"} 5\n"
                              "spanflow_packets_metered_total{worker=\"1\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("spanflow_packets_ignored_total{reason=\"not_ip\",worker=\"distributor\"} 9\n"));
}

TEST(Prometheus, CountersOfPortsHaveNoWorkerLabel) {
  Summary summary = with(Counter::kPacketsReceived, 5);
  summary.ports.push_back(
      {.name = "eth1", .received = 9, .nic_missed = 1, .no_mbuf = 2, .kernel_dropped = 3, .nic_errors = 4});
  const std::string text = to_prometheus(summary);
  EXPECT_THAT(text, HasSubstr("spanflow_port_received_packets_total{port=\"eth1\"} 9\n"));
  EXPECT_THAT(text, HasSubstr("spanflow_packets_lost_total{reason=\"nic_missed\",port=\"eth1\"} 1\n"
                              "spanflow_packets_lost_total{reason=\"no_mbuf\",port=\"eth1\"} 2\n"
                              "spanflow_packets_lost_total{reason=\"kernel_dropped\",port=\"eth1\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("spanflow_packets_nic_errors_total{port=\"eth1\"} 4\n"));
  EXPECT_THAT(text, Not(HasSubstr("reason=\"nic_missed\",worker")));
  EXPECT_THAT(text, Not(HasSubstr("nic_errors_total{worker")));
}

TEST(Prometheus, ASinkHasItsLedgerAndItsSpool) {
  Summary summary;
  SinkLedger& sink = summary.sinks.emplace_back();
  sink.name = "csv:a \"b\"";
  sink.handed = 10;
  sink.delivered = 6;
  sink.queued = 3;
  sink.dropped[static_cast<std::size_t>(DropReason::kQueueFull)] = 1;
  std::string text = to_prometheus(summary);
  EXPECT_THAT(text, HasSubstr("spanflow_sink_handed_records_total{sink=\"csv:a \\\"b\\\"\"} 10\n"));
  EXPECT_THAT(text, HasSubstr("spanflow_sink_queued_records{sink=\"csv:a \\\"b\\\"\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("{sink=\"csv:a \\\"b\\\"\",reason=\"queue_full\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("spool_bytes")));
  sink.spool = SpoolDepth{.octets = 4096, .oldest_seconds = 1.5};
  text = to_prometheus(summary);
  EXPECT_THAT(text, HasSubstr("spanflow_sink_spool_bytes{sink=\"csv:a \\\"b\\\"\"} 4096\n"));
  EXPECT_THAT(text, HasSubstr("spanflow_sink_spool_oldest_seconds{sink=\"csv:a \\\"b\\\"\"} 1.5\n"));
}

TEST(Prometheus, HistogramsAreCumulativeAndInSeconds) {
  Summary summary;
  HistogramValues& lag = summary.histograms[static_cast<std::size_t>(HistogramId::kExportLag)];
  lag.counts[0] = 2;
  lag.counts[1] = 3;
  lag.counts[kLagBounds.size()] = 1;
  lag.sum = 90'500'000'000;
  const std::string text = to_prometheus(summary);
  EXPECT_THAT(text, HasSubstr("spanflow_records_export_lag_seconds_count 6\n"
                              "spanflow_records_export_lag_seconds_sum 90.5\n"));
  EXPECT_THAT(text, HasSubstr("spanflow_records_export_lag_seconds_bucket{le=\"0.01\"} 2\n"
                              "spanflow_records_export_lag_seconds_bucket{le=\"0.05\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("spanflow_records_export_lag_seconds_bucket{le=\"60\"} 5\n"
                              "spanflow_records_export_lag_seconds_bucket{le=\"+Inf\"} 6\n"));
}

TEST(Prometheus, EachCounterOccursOncePerThreadOrPort) {
  Summary summary;
  for (const CounterInfo& counter : kCounters) at(summary.counters, counter.id) = 1000 + static_cast<int>(counter.id);
  summary.per_worker.push_back(summary.counters);
  summary.ports.push_back({.name = "p",
                           .nic_missed = value_of(summary.counters, Counter::kPacketsNicMissed),
                           .no_mbuf = value_of(summary.counters, Counter::kPacketsNoMbuf),
                           .kernel_dropped = value_of(summary.counters, Counter::kPacketsKernelDropped),
                           .nic_errors = value_of(summary.counters, Counter::kPacketsNicErrors)});
  const std::string text = to_prometheus(summary);
  for (const CounterInfo& counter : kCounters) {
    if (counter.unit == "ns") continue;  // shown in seconds, see UnitsAreBaseUnits
    const std::regex line("\\} " + std::to_string(value_of(summary.counters, counter.id)) + "\n");
    EXPECT_EQ(std::distance(std::sregex_iterator(text.begin(), text.end(), line), {}), 1) << counter.name;
  }
}

TEST(Prometheus, AnAddressOfAnotherHostIsAnErrorWithTheReason) {
  try {
    const PrometheusEndpoint endpoint("192.0.2.1:9752", [] { return Summary{}; });
    FAIL() << "listens on an address that is not ours";
  } catch (const RunError& error) {
    EXPECT_THAT(error.what(), HasSubstr("192.0.2.1:9752"));
  }
}

}  // namespace
}  // namespace spanflow::testing::prometheus_test

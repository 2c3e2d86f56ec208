#include "monitor/metric_families.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/units.h"
#include "base/utf8.h"
#include "capture/eal.h"
#include "dpi/classifier.h"
#include "version.h"

namespace spanflow {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

struct FamilyInfo {
  std::string name;
  std::string help;
  MetricType type = MetricType::Gauge;
};

class Families {
 public:
  ClientMetric& sample(const FamilyInfo& info, Labels labels) {
    const auto [place, is_new] = places_.try_emplace(info.name, families_.size());
    if (is_new) families_.push_back({info.name, info.help, info.type, {}});
    ClientMetric& sample = families_[place->second].metric.emplace_back();
    sample.label = std::move(labels);
    return sample;
  }

  void add(const FamilyInfo& info, Labels labels, double value) {
    ClientMetric& added = sample(info, std::move(labels));
    (info.type == MetricType::Counter ? added.counter.value : added.gauge.value) = value;
  }

  std::vector<MetricFamily> take() { return std::move(families_); }

 private:
  std::vector<MetricFamily> families_;
  std::map<std::string, std::size_t> places_;
};

double sample_of(std::uint64_t value) { return static_cast<double>(value); }

// Returns the Prometheus name of a counter or histogram: with a base unit (seconds or bytes), and with underscores for
// dots.
std::string name_of(std::string_view row, std::string_view unit, bool is_count) {
  std::string name(row);
  if (unit == "ns") name.replace(name.rfind("_ns"), std::string::npos, "_seconds");
  if (unit == "octets") name = name.substr(name.find('.') + 1) + "_bytes";
  std::ranges::replace(name, '.', '_');
  return fmt::format("spanflow_{}{}", name, is_count ? "_total" : "");
}

double in_base_unit(std::uint64_t value, std::string_view unit) {
  return unit == "ns" ? sample_of(value) / sample_of(kNanosecondsPerSecond) : sample_of(value);
}

// The family of a counter. Counters of one quantity that differ only in the reason are one family with the label
// `reason`. Examples are all packets.ignored.* counters, and all counters in kLosses.
struct Series {
  FamilyInfo family;
  Labels reason;  // empty for a counter that has a family of its own
};

Series series_of(const CounterInfo& counter) {
  const bool is_count = counter.kind == CounterKind::kCount;
  const MetricType type = is_count ? MetricType::Counter : MetricType::Gauge;
  const std::string_view last = counter.name.substr(counter.name.rfind('.') + 1);
  const auto by_reason = [&](std::string_view group, std::string_view help) {
    return Series{{name_of(group, counter.unit, is_count), std::string(help), type}, {{"reason", std::string(last)}}};
  };
  if (std::ranges::find(kLosses, counter.id) != kLosses.end()) {
    return by_reason("packets.lost", "packets lost before spanflow received them, by the place of the loss");
  }
  if (std::ranges::count(counter.name, '.') < 2) {
    return {{name_of(counter.name, counter.unit, is_count), std::string(counter.help), type}, {}};
  }
  const std::string_view group = counter.name.substr(0, counter.name.rfind('.'));
  return by_reason(group, fmt::format("{} {}, by reason", counter.unit, group.substr(group.find('.') + 1)));
}

const Series& series_of(Counter counter) {
  static const std::vector<Series> all = [] {
    std::vector<Series> series;
    for (const CounterInfo& each : kCounters) series.push_back(series_of(each));
    return series;
  }();
  return all[static_cast<std::size_t>(counter)];
}

void add_counter(Families& families, Counter counter, ClientMetric::Label owner, std::uint64_t value) {
  const Series& series = series_of(counter);
  Labels labels = series.reason;
  labels.push_back(std::move(owner));
  families.add(series.family, std::move(labels), in_base_unit(value, info(counter).unit));
}

// Adds the counters of a thread, except the counters of ports, which add_port() adds.
void add_thread(Families& families, const std::string& name, const CounterValues& counters) {
  for (const CounterInfo& counter : kCounters) {
    if (!is_of_ports(counter.id)) {
      add_counter(families, counter.id, {"worker", name}, value_of(counters, counter.id));
    }
  }
}

void add_port(Families& families, const PortCounts& port) {
  const std::string name = clean_utf8(port.name);
  families.add({"spanflow_port_received_packets_total", "packets received on this port", MetricType::Counter},
               {{"port", name}}, sample_of(port.received));
  families.add({"spanflow_port_up", "1: the interface is up; 0: it is down"}, {{"port", name}}, port.is_up ? 1 : 0);
  for (const auto& [counter, count] : counters_of(port)) add_counter(families, counter, {"port", name}, count);
}

struct SinkMetric {
  FamilyInfo family;
  double (*value)(const SinkLedger&);
};

const std::vector<SinkMetric>& sink_metrics() {
  static const std::vector<SinkMetric> all = {
      {{"spanflow_sink_handed_records_total", "records handed to this sink", MetricType::Counter},
       [](const SinkLedger& sink) { return sample_of(sink.handed); }},
      {{"spanflow_sink_recovered_records_total", "records of a previous run, found in the sink's spool",
        MetricType::Counter},
       [](const SinkLedger& sink) { return sample_of(sink.recovered); }},
      {{"spanflow_sink_delivered_records_total", "records delivered to the sink's target", MetricType::Counter},
       [](const SinkLedger& sink) { return sample_of(sink.delivered); }},
      {{"spanflow_sink_queued_records", "records in the sink's queue, in its buffers or in flight"},
       [](const SinkLedger& sink) { return sample_of(sink.queued); }},
      {{"spanflow_sink_spooled_records", "records in the sink's spool"},
       [](const SinkLedger& sink) { return sample_of(sink.spooled); }},
      {{"spanflow_sink_waiting_records", "records in the sink's queue"},
       [](const SinkLedger& sink) { return sample_of(sink.waiting); }},
      {{"spanflow_sink_queue_limit_records", "capacity of the sink's queue, in records"},
       [](const SinkLedger& sink) { return sample_of(sink.queue_records); }},
      {{"spanflow_sink_oldest_queued_seconds", "waiting time of the oldest record in the sink's queue or buffers"},
       [](const SinkLedger& sink) { return sink.oldest_seconds; }},
  };
  return all;
}

void add_sink(Families& families, const SinkLedger& sink) {
  const ClientMetric::Label name{"sink", clean_utf8(sink.name)};
  for (const SinkMetric& metric : sink_metrics()) families.add(metric.family, {name}, metric.value(sink));
  for (std::size_t reason = 0; reason < sink.dropped.size(); ++reason) {
    families.add({"spanflow_sink_dropped_records_total", "records lost by this sink, by reason", MetricType::Counter},
                 {name, {"reason", std::string(kDropReasonNames[reason])}}, sample_of(sink.dropped[reason]));
  }
  if (!sink.spool) return;
  families.add({"spanflow_sink_spool_bytes", "size of the files of the sink's spool"}, {name},
               sample_of(sink.spool->octets));
  families.add(
      {"spanflow_sink_spool_oldest_seconds", "upper bound of the age of the oldest record in the sink's spool"}, {name},
      sink.spool->oldest_seconds);
}

void add_histogram(Families& families, const HistogramInfo& histogram, const HistogramValues& values) {
  const FamilyInfo family{name_of(histogram.name, histogram.unit, false), std::string(histogram.help),
                          MetricType::Histogram};
  ClientMetric::Histogram& shown = families.sample(family, {}).histogram;
  for (std::size_t range = 0; range < histogram.bounds.size(); ++range) {
    shown.sample_count += values.counts[range];
    shown.bucket.push_back({shown.sample_count, in_base_unit(histogram.bounds[range], histogram.unit)});
  }
  shown.sample_count += values.counts[histogram.bounds.size()];
  shown.sample_sum = in_base_unit(values.sum, histogram.unit);
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double resident_octets() {
  std::uint64_t pages = 0;
  std::uint64_t resident_pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident_pages;
  return sample_of(resident_pages) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double open_descriptors() {
  std::error_code none;
  const std::filesystem::directory_iterator descriptors("/proc/self/fd", none);
  return static_cast<double>(std::distance(begin(descriptors), end(descriptors)));
}

// Prometheus's own client libraries use the same names for these metrics.
void add_process(Families& families) {
  families.add({"process_cpu_seconds_total", "CPU time of the process, user and system", MetricType::Counter}, {},
               cpu_seconds());
  families.add({"process_resident_memory_bytes", "resident memory of the process"}, {}, resident_octets());
  families.add({"process_open_fds", "open file descriptors"}, {}, open_descriptors());
}

}  // namespace

std::vector<MetricFamily> metric_families(const Summary& summary) {
  Families families;
  families.add({"spanflow_build_info", "always 1; the labels name the versions of spanflow, DPDK and nDPI"},
               {{"version", kVersion}, {"dpdk", Eal::version()}, {"ndpi", Classifier::version()}}, 1);
  families.add({"spanflow_uptime_seconds", "time since the start of the run"}, {}, summary.seconds);
  families.add({"spanflow_workers", "worker threads"}, {}, sample_of(summary.workers));
  for (std::size_t worker = 0; worker < summary.per_worker.size(); ++worker) {
    add_thread(families, std::to_string(worker), summary.per_worker[worker]);
  }
  add_thread(families, "input", summary.input);
  if (summary.distributor) add_thread(families, "distributor", *summary.distributor);
  for (const PortCounts& port : summary.ports) add_port(families, port);
  for (const SinkLedger& sink : summary.sinks) add_sink(families, sink);
  for (const HistogramInfo& histogram : kHistograms) {
    add_histogram(families, histogram, summary.histograms[static_cast<std::size_t>(histogram.id)]);
  }
  add_process(families);
  return families.take();
}

}  // namespace spanflow

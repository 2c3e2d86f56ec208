// The results of a run: as numbers, as a text for people, and as JSON.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "capture/port_counts.h"
#include "export/sink_runner.h"
#include "telemetry/counters.h"

namespace spanflow {

struct Summary {
  double seconds = 0;
  std::uint64_t workers = 0;
  CounterValues counters{};                  // sums over all threads and ports; maximum for a kGreatestGauge
  std::vector<CounterValues> per_worker;     // by number of the worker
  CounterValues input{};                     // counters of the whole input
  std::optional<CounterValues> distributor;  // counters of the distributor thread, if there is one
  AllHistograms histograms{};
  std::map<std::uint16_t, std::uint64_t> ether_types;  // numbers of frames with the most frequent unknown EtherTypes
  std::vector<PortCounts> ports;                       // ports of a live run; empty for capture files
  std::vector<SinkLedger> sinks;
};

// Returns the number of packets lost at ports, in the kernel and between threads.
std::uint64_t lost_packets(const Summary& summary);

enum class Colours : std::uint8_t { kNone, kAnsi };

// Returns a few lines with the ledgers of packets, flows and records, each written as a sum. With colours, losses are
// red.
std::string to_text(const Summary& summary, Colours colours = Colours::kNone);
// Returns the counters, nested by their dotted names, then the histograms, each worker's counters and the ports. The
// ledgers of the sinks are in records.sinks.
std::string to_json(const Summary& summary);

}  // namespace spanflow

// The results of a run: numbers, a text for people, and JSON.
#pragma once

#include <cstdint>
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
  CounterValues counters{};  // sums over all threads and ports
  std::vector<CounterValues> per_worker;
  std::optional<CounterValues> distributor;  // counters of the thread that reads for several workers, if there is one
  AllHistograms histograms{};
  std::vector<PortCounts> ports;  // ports of a live run, else empty
  std::vector<SinkLedger> sinks;
};

// The sum of packets lost at ports, in the kernel and between threads.
std::uint64_t lost_packets(const Summary& summary);

enum class Colours : std::uint8_t { kNone, kAnsi };

// Both ledgers in a few lines, each written as a sum. With colours, losses are red.
std::string to_text(const Summary& summary, Colours colours = Colours::kNone);
// The counters, nested by their dotted names, then the sinks, the histograms, each worker's counters and the ports.
std::string to_json(const Summary& summary);

}  // namespace spanflow

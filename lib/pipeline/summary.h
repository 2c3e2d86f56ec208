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
  std::optional<CounterValues> distributor;  // if one thread reads for several workers
  AllHistograms histograms{};
  std::vector<PortCounts> ports;  // live runs only
  std::vector<SinkLedger> sinks;
};

// Lost at ports, in the kernel and between threads, together.
std::uint64_t lost_packets(const Summary& summary);

enum class Colours : std::uint8_t { kNone, kAnsi };

// Both ledgers in a few lines, each written as a sum. With colours, losses are red.
std::string to_text(const Summary& summary, Colours colours = Colours::kNone);
// The counters, nested by their dotted names, then the sinks, the histograms, each worker's counters and the ports.
std::string to_json(const Summary& summary);

}  // namespace spanflow

// What a run did, as numbers, as text for people and as JSON.
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
  CounterValues counters{};  // of all threads and ports
  std::vector<CounterValues> per_worker;
  std::optional<CounterValues> distributor;  // where one thread reads for several workers
  AllHistograms histograms{};
  std::vector<PortCounts> ports;  // of a live run
  std::vector<SinkLedger> sinks;
};

// Of the ports, the kernel and the lanes between threads together.
std::uint64_t lost_packets(const Summary& summary);

enum class Colours : std::uint8_t { kNone, kAnsi };

// Both ledgers in a few lines, each as the sum it has to be. In colours, what is lost is red.
std::string to_text(const Summary& summary, Colours colours = Colours::kNone);
// The counters nested by their dotted names; packets.ignored, packets.malformed and flows.exported by reason. Then the
// histograms, each worker's counters, the ports.
std::string to_json(const Summary& summary);

}  // namespace spanflow

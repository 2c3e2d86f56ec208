// Names the application of flows with nDPI. The only part that knows nDPI.
#pragma once

#include <cstdint>
#include <memory>

#include "config/config.h"
#include "decode/packet.h"
#include "flow/flow_table.h"
#include "telemetry/counters.h"

namespace spanflow {

// One per worker; not thread-safe. Construct them one after the other: nDPI's initialisation is not reentrant.
// A flow holds one of `states` nDPI states from its first payload to its verdict; when all are taken, the oldest
// flow in classification is given up. `counters` must outlive it, and entries must not move while they hold a state.
class Classifier {
 public:
  // Throws ConfigError if a protocols or categories file cannot be loaded.
  Classifier(const Config::Dpi& options, std::uint32_t states, Counters& counters);
  ~Classifier();

  // Shows nDPI the packet if the flow has no verdict yet.
  void inspect(FlowEntry& entry, const Packet& packet) {
    if (entry.dpi_progress != DpiProgress::kDone) show_to_ndpi(entry, packet);
  }
  // Settles entry.application for a record: with `ends_flow` for good, else as far as known.
  void conclude(FlowEntry& entry, bool ends_flow);
  // Gives the flow's state back, if it holds one.
  void release(FlowEntry& entry);
  // Fills the application fields of a record.
  void describe(const Application& application, FlowRecord& record);

 private:
  void show_to_ndpi(FlowEntry& entry, const Packet& packet);

  class Ndpi;
  std::unique_ptr<Ndpi> ndpi_;
};

}  // namespace spanflow

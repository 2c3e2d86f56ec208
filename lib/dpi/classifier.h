// Names the application of flows with nDPI. The only part that knows nDPI.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "config/config.h"
#include "decode/packet.h"
#include "flow/flow_entry.h"
#include "telemetry/counters.h"

namespace spanflow {

// One per worker; not thread-safe. Construct them one after the other: nDPI's initialisation is not reentrant.
// A flow holds an nDPI state from its first payload to its verdict; when all are taken, the oldest flow in
// classification is given up. What was read of it stays until the flow is released. `counters` must outlive it, and
// entries must not move while they hold a state.
class Classifier {
 public:
  // Throws ConfigError if a protocols or categories file cannot be loaded.
  // `workers`: each has its share of dpi.max_flows and dpi.metadata_memory.
  Classifier(const Config::Dpi& options, std::uint64_t workers, Counters& counters);
  ~Classifier();

  // nDPI's, as "4.2.0".
  static std::string version();

  // Shows nDPI the packet if the flow has no verdict yet, and reads the TLS ClientHello if it is in there.
  void inspect(FlowEntry& entry, FlowDetails& details, const Packet& packet) {
    if (entry.dpi_progress != DpiProgress::kDone) show_to_ndpi(entry, details, packet);
    if (!entry.hello.is_settled(packet.direction)) look_for_hello(entry, details, packet);
  }
  // While true, a flow gets a quarter of the packets.
  void lower_budget(bool lower);
  // The verdict for a record: with `ends_flow` for good, else as far as known.
  Verdict conclude(FlowEntry& entry, bool ends_flow);
  // Gives back what the flow holds: a state, metadata.
  void release(FlowEntry& entry);
  // Fills the application fields of a record, and the metadata of its extras, if it has any.
  void describe(const FlowEntry& entry, const Verdict& verdict, FlowRecord& record, FlowExtras* extras);

 private:
  void show_to_ndpi(FlowEntry& entry, FlowDetails& details, const Packet& packet);
  void look_for_hello(FlowEntry& entry, const FlowDetails& details, const Packet& packet);

  class Ndpi;
  std::unique_ptr<Ndpi> ndpi_;
};

}  // namespace spanflow

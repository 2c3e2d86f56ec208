// Classifies the application of flows with nDPI. No other folder uses nDPI.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "config/config.h"
#include "decode/packet.h"
#include "dpi/flow_inspection.h"
#include "inspect/hello_watch.h"
#include "telemetry/counters.h"

namespace spanflow {

// One per worker; not thread-safe. Construct the Classifiers one after the other, because nDPI's initialisation is not
// reentrant. A flow holds an nDPI state from its first payload to its verdict. When all states are taken, the
// Classifier gives up the oldest flow in classification. The metadata of a flow stays until the flow is released.
// `counters` must outlive the Classifier. A FlowInspection and a HelloWatch must not move until they are released.
class Classifier {
 public:
  // Throws ConfigError if a protocols or categories file cannot be loaded. Each of the `workers` workers has an equal
  // share of dpi.max_flows and dpi.metadata_memory.
  Classifier(const Config::Dpi& options, std::uint64_t workers, Counters& counters);
  ~Classifier();

  // Returns nDPI's version, for example "4.2.0".
  static std::string version();

  // Shows nDPI the packet if the flow has no verdict yet, and reads the TLS ClientHello if the packet has one. For TCP,
  // `syn_seen` has a bit for each direction whose number in `initial` is that of a SYN before this packet; the
  // Classifier sets the numbers of the other directions.
  void inspect(FlowInspection& inspection, HelloWatch& hello, InitialSequence& initial, std::uint8_t syn_seen,
               const Packet& packet) {
    if (inspection.progress() != DpiProgress::kDone) show_to_ndpi(inspection, initial, packet);
    if (!hello.is_settled(packet.direction)) look_for_hello(inspection, hello, initial, syn_seen, packet);
  }
  // While `lower` is set, nDPI gets only a quarter of the packets of a flow.
  void lower_budget(bool lower);
  // Returns the verdict for a record of the flow with this key: final if the record `ends_flow`, otherwise preliminary.
  Verdict conclude(FlowInspection& inspection, const FlowKey& key, bool ends_flow);
  // Frees the flow's nDPI state, metadata and buffer.
  void release(FlowInspection& inspection, HelloWatch& hello);
  // Fills in the application fields of a record, and the metadata of its extras. `extras` may be nullptr.
  void describe(const FlowInspection& inspection, const Verdict& verdict, FlowRecord& record, FlowExtras* extras);

 private:
  void show_to_ndpi(FlowInspection& inspection, InitialSequence& initial, const Packet& packet);
  void look_for_hello(FlowInspection& inspection, HelloWatch& hello, const InitialSequence& initial,
                      std::uint8_t syn_seen, const Packet& packet);

  class Ndpi;
  std::unique_ptr<Ndpi> ndpi_;
};

}  // namespace spanflow

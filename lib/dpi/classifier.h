// Classifies the application of flows with nDPI. No other folder uses nDPI's headers.
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

// One object per worker; not thread-safe. The constructor takes a process-wide lock, because nDPI's initialisation is
// not reentrant. `options` and `counters` must outlive the Classifier. A FlowInspection and a HelloWatch must not move
// until they are released.
//
// A TCP flow takes an nDPI state with its first payload, or with its seventh packet if there was no payload before.
// Other flows take a state with their first packet. The flow returns the state with its verdict. If all states are
// taken, the Classifier gives up the flow that took its state first. The metadata of a flow stays until release().
class Classifier {
 public:
  // Throws ConfigError if the file of protocols or of categories cannot be loaded. Each of the `workers` workers has an
  // equal share of dpi.max_flows and dpi.metadata_memory.
  Classifier(const Config::Dpi& options, std::uint64_t workers, Counters& counters);
  ~Classifier();

  // Returns nDPI's version, for example "4.2.0".
  static std::string version();

  // Gives nDPI the packet if the flow has no verdict yet, and looks for a TLS ClientHello. For TCP, `syn_seen` has a
  // bit for each direction in which an earlier packet was a SYN; `initial` then holds the sequence number of that SYN.
  // For the other directions, the Classifier derives the number from the first packets.
  void inspect(FlowInspection& inspection, HelloWatch& hello, InitialSequence& initial, std::uint8_t syn_seen,
               const Packet& packet) {
    if (inspection.progress() != DpiProgress::kDone) show_to_ndpi(inspection, initial, packet);
    if (!hello.is_settled(packet.direction)) look_for_hello(inspection, hello, initial, syn_seen, packet);
  }
  // While `lower` is true, nDPI gets at most a quarter of the usual number of packets per flow.
  void lower_budget(bool lower);
  // Returns the verdict for a record of the flow with this key. If `ends_flow` is true, the classification ends and the
  // verdict is final. Otherwise the verdict may be preliminary.
  Verdict conclude(FlowInspection& inspection, const FlowKey& key, bool ends_flow);
  // Frees the flow's nDPI state, metadata and ClientHello buffer.
  void release(FlowInspection& inspection, HelloWatch& hello);
  // Fills in the application fields of a record, and the metadata in `extras`. `extras` may be nullptr.
  void describe(const FlowInspection& inspection, const Verdict& verdict, FlowRecord& record, FlowExtras* extras);

 private:
  void show_to_ndpi(FlowInspection& inspection, InitialSequence& initial, const Packet& packet);
  void look_for_hello(FlowInspection& inspection, HelloWatch& hello, const InitialSequence& initial,
                      std::uint8_t syn_seen, const Packet& packet);

  class Ndpi;
  std::unique_ptr<Ndpi> ndpi_;
};

}  // namespace spanflow

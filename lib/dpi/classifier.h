// Classifies the application of flows with nDPI. No other folder uses nDPI's headers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "config/config.h"
#include "decode/packet.h"
#include "dpi/flow_inspection.h"
#include "inspect/metadata.h"
#include "telemetry/counters.h"

namespace spanflow {

// One object per worker; not thread-safe. The constructor takes a process-wide lock, because nDPI's initialisation is
// not reentrant. `options` and `counters` must outlive the Classifier. A FlowInspection must not move until it is
// released.
//
// A TCP flow takes an nDPI state with its first payload. Other flows take a state with their first packet. The flow
// returns the state with its verdict. If all states are taken, the Classifier gives up the flow that took its state
// first.
class Classifier {
 public:
  // Where nDPI's metadata goes. `left_out`: the keys that have another source.
  struct MetadataTarget {
    MetadataStore* store = nullptr;  // nullptr: metadata is not kept
    MetadataSet left_out;
  };

  // Throws ConfigError if the file of protocols or of categories cannot be loaded. Each of the `workers` workers has an
  // equal share of dpi.max_flows. The target's store must outlive the Classifier.
  Classifier(const Config::Dpi& options, std::uint64_t workers, const MetadataTarget& target, Counters& counters);
  ~Classifier();

  // Returns nDPI's version, for example "4.2.0".
  static std::string version();

  // Returns the number that nDPI 5.0 has for this confidence. Older releases use other numbers.
  static std::uint8_t confidence_in_ndpi_5(std::uint8_t confidence);

  // Gives nDPI the packet if the flow has no verdict yet. `flow` is the index of the flow's entry in the flow table.
  // For TCP, `initial` holds the sequence numbers of the directions in which an earlier packet was a SYN. For the other
  // directions, the Classifier derives the number from the first packets.
  void inspect(FlowInspection& inspection, std::uint32_t flow, InitialSequence& initial, const Packet& packet) {
    if (inspection.progress() != DpiProgress::kDone) show_to_ndpi(inspection, flow, initial, packet);
  }
  // While `lower` is true, nDPI gets at most a quarter of the usual number of packets per flow.
  void lower_budget(bool lower);
  // Returns the verdict for a record of the flow with this key. If `ends_flow` is true, the classification ends and the
  // verdict is final. Otherwise the verdict may be preliminary.
  Verdict conclude(FlowInspection& inspection, const FlowKey& key, bool ends_flow);
  // Returns what nDPI has found so far, without a guess. Changes nothing.
  Verdict found(const FlowInspection& inspection);
  // Frees the flow's nDPI state.
  void release(FlowInspection& inspection);
  // Fills in the application fields of a record.
  void describe(const Verdict& verdict, FlowRecord& record) const;
  // Appends the metadata of a flow that is still in classification, which is not in the store yet.
  void append_metadata(const FlowInspection& inspection, std::string& octets) const;

 private:
  void show_to_ndpi(FlowInspection& inspection, std::uint32_t flow, InitialSequence& initial, const Packet& packet);

  class Ndpi;
  std::unique_ptr<Ndpi> ndpi_;
};

}  // namespace spanflow

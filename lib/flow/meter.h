// The packet loop of one worker.
#pragma once

#include <array>
#include <exception>
#include <optional>

#include "base/mailbox.h"
#include "capture/busy_time.h"
#include "capture/intake.h"
#include "capture/packet_source.h"
#include "config/config.h"
#include "decode/decoder.h"
#include "dpi/classifier.h"
#include "export/export_ring.h"
#include "flow/flow_cache.h"
#include "flow/overload.h"
#include "metrics/conditions.h"
#include "telemetry/counters.h"

namespace spanflow {

// One per worker, run by one thread; owns the worker's classifier and flow cache. Everything else it borrows, and
// that must outlive it.
class Meter {
 public:
  Meter(const Config& config, std::uint16_t worker, PacketSource& source, const Decoder& decoder, ExportRing& ring,
        const MetricSet& metrics, Counters& counters);

  // Meters the source to its end and exports every flow, also after an error of the source.
  void run();
  // For the packets to come; thread-safe.
  void adjust(const Adjustments& adjustments) { adjustments_.post(adjustments); }
  // What ended the source early, or nullptr. After run().
  std::exception_ptr failure() const { return failure_; }

 private:
  void take_over(const Adjustments& adjustments);
  void meter(const Burst& burst);
  void meter_released();
  void shed_load();
  void note_busy(bool was_busy);
  void collect(const RawPacket& raw, LinkType link_type);
  void leave_out(const Packet& packet);
  void add_to_flows();
  void hash_all();
  void end_all();
  void pass_on_records(const Burst& burst);

  PacketSource& source_;
  Counters& counters_;
  Intake intake_;
  RecordWriter writer_;
  std::optional<Classifier> classifier_;
  FlowCache cache_;
  std::optional<Overload> overload_;  // of a live worker
  std::optional<BusyTime> busy_;      // of a live worker
  Conditions conditions_;
  Mailbox<Adjustments> adjustments_;
  Nanoseconds max_delay_;
  std::array<Packet, kBurstPackets> packets_;  // to be added to their flows
  std::size_t count_ = 0;
  std::array<std::uint32_t, kBurstPackets> hashes_{};
  std::array<std::optional<Direction>, kBurstPackets> after_{};  // which way beside the packet before, if of its flow
  std::uint64_t now_ns_ = 0;
  std::uint64_t passed_on_ns_ = 0;
  std::exception_ptr failure_;
};

}  // namespace spanflow

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
#include "export/export_ring.h"
#include "flow/flow_cache.h"
#include "flow/overload.h"
#include "flow/payload_tools.h"
#include "metrics/conditions.h"
#include "telemetry/counters.h"

namespace spanflow {

// One object per worker, run by one thread. Owns the worker's payload tools and flow cache. All objects that the
// constructor takes by reference must outlive the Meter.
class Meter {
 public:
  // `names` is nullptr if the run has no cache of names.
  Meter(const Config& config, std::uint16_t worker, const IntakeInput& input, const Decoder& decoder, ExportRing& ring,
        const MetricSet& metrics, NameCache* names, Counters& counters);

  // Meters packets until the source ends or fails. Then exports all flows.
  void run();
  // Changes the options for packets that are metered from the next burst on. Thread-safe.
  void adjust(const Adjustments& adjustments) { adjustments_.post(adjustments); }
  // Call it after run(). Returns the error that ended the source early, or nullptr.
  std::exception_ptr failure() const { return failure_; }

 private:
  friend class Intake;

  std::uint64_t sweep_time() const;
  void take_over(const Adjustments& adjustments);
  void shed_load();
  void note_busy(bool was_busy);
  // Intake requires the next three functions of its consumer.
  Packet& next_packet() { return packets_[count_]; }
  void accept(const RawPacket& raw, LinkType link_type);
  void finish_accepted() { add_to_flows(); }

  void leave_out(const Packet& packet);
  void match_conditions(const RawPacket& raw, LinkType link_type);
  void count_oddities(const Packet& packet);
  void hash_all();
  void prefetch(std::size_t i);
  void add_to_flows();
  void end_all();
  void pass_on_records(const Burst& burst);

  PacketSource& source_;
  Counters& counters_;
  Intake intake_;
  RecordWriter writer_;
  PayloadTools tools_;
  FlowCache cache_;
  std::optional<Overload> overload_;  // only for a live source
  std::optional<BusyTime> busy_;      // only for a live source
  Conditions conditions_;
  Mailbox<Adjustments> adjustments_;
  Nanoseconds max_delay_;
  std::array<Packet, kBurstPackets> packets_;  // packets that will be added to their flows together
  std::size_t count_ = 0;
  std::uint64_t octets_ = 0;                     // of these packets
  std::array<Lookup, kBurstPackets> lookups_{};  // of these packets
  std::uint64_t now_ns_ = 0;                     // Burst::now_ns of the last burst
  std::uint64_t passed_on_ns_ = 0;               // last time at which records were passed on or no record was waiting
  std::exception_ptr failure_;
};

}  // namespace spanflow

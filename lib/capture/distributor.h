// Spreads the packets of one source over several workers by the symmetric hash of their flow.
#pragma once

#include <atomic>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

#include "base/mailbox.h"
#include "capture/intake.h"
#include "capture/packet_lane.h"
#include "capture/packet_source.h"
#include "config/config.h"
#include "telemetry/counters.h"

namespace spanflow {

// Runs one thread that polls `source` and takes its packets in: what is to be metered goes to the worker of its flow,
// the rest is counted here. The workers' sources (make_source) must be polled until they end, and be destroyed before
// the Distributor; all that it borrows must outlive it.
class Distributor {
 public:
  Distributor(const Config& config, PacketSource& source, const Decoder& decoder, Counters& counters);
  ~Distributor();

  std::unique_ptr<PacketSource> make_source(std::uint32_t worker);
  void start();
  // For the packets to come; thread-safe.
  void adjust(const Adjustments& adjustments) { adjustments_.post(adjustments); }
  // Joins; throws what ended the source, if that was an error.
  void finish();

 private:
  class LaneSource;

  void run();
  void distribute(const Burst& burst);
  void distribute_released();
  void append(const RawPacket& raw, const Packet& packet, LinkType link_type);
  void restart_time();
  void pass_on_idle();
  void pass_on_rest();

  const bool busy_poll_;
  PacketSource& source_;
  Counters& counters_;
  Intake intake_;
  Mailbox<Adjustments> adjustments_;
  std::vector<std::unique_ptr<PacketLane>> lanes_;
  std::uint64_t now_ns_ = 0;
  std::uint64_t time_passed_on_ns_ = 0;
  std::atomic<std::uint64_t> end_ns_{0};
  std::atomic<bool> ended_{false};
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace spanflow

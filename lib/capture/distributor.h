// Distributes the packets of one source over several workers by the symmetric hash of their flow.
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

// Runs one thread that polls `source` and takes its packets in. Packets to be metered go to the worker of their flow;
// the thread counts the others. The workers' sources must be polled until they end, and be destroyed before the
// Distributor. Everything that the Distributor borrows must outlive it.
class Distributor {
 public:
  Distributor(const Config& config, PacketSource& source, const Decoder& decoder, Counters& counters);
  ~Distributor();

  std::unique_ptr<PreparedSource> make_source(std::uint32_t worker);
  void start();
  // Applies to packets that are polled from now on. Thread-safe.
  void adjust(const Adjustments& adjustments) { adjustments_.post(adjustments); }
  // Joins the thread. Throws the error that ended the source, if there was one.
  void finish();

 private:
  friend class Intake;
  class LaneSource;

  void run();
  // The functions that Intake requires of its consumer.
  Packet& next_packet() { return packet_; }
  void accept(const RawPacket& raw, LinkType link_type);
  void finish_accepted() {}  // nothing to do: the lanes have copies of the packets

  void restart_time();
  void pass_on_idle();
  void pass_on_rest();

  const bool busy_poll_;
  PacketSource& source_;
  Counters& counters_;
  Intake intake_;
  Mailbox<Adjustments> adjustments_;
  std::vector<std::unique_ptr<PacketLane>> lanes_;
  Packet packet_;
  std::uint64_t now_ns_ = 0;
  std::uint64_t time_passed_on_ns_ = 0;
  std::atomic<std::uint64_t> end_ns_{0};
  std::atomic<bool> ended_{false};
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace spanflow

// Distributes the packets of one source over several workers. A symmetric hash of the flow key selects the worker.
#pragma once

#include <array>
#include <atomic>
#include <exception>
#include <memory>
#include <span>
#include <vector>

#include "base/mailbox.h"
#include "base/standby_thread.h"
#include "capture/intake.h"
#include "capture/packet_lane.h"
#include "capture/packet_source.h"
#include "config/config.h"
#include "telemetry/counters.h"

namespace spanflow {

// Runs one thread, which polls `source` and passes the packets through the Intake. The thread sends each packet that is
// to be metered to the owner worker of the packet's flow. The thread counts and drops all other packets. Each worker
// must poll its source (see make_source) until this source ends. These sources must be destroyed before the
// Distributor. `source`, `decoder` and `counters` must outlive the Distributor.
class Distributor {
 public:
  Distributor(const Config& config, PacketSource& source, const Decoder& decoder, Counters& counters);

  // Makes the source that `worker` polls.
  std::unique_ptr<PreparedSource> make_source(std::uint32_t worker);
  void start();
  // Applies the filter of `adjustments` to the packets that are polled from now on. Thread-safe.
  void adjust(const Adjustments& adjustments) { adjustments_.post(adjustments); }
  // Joins the thread. If an error ended the thread, throws this error.
  void finish();

 private:
  friend class Intake;
  class LaneSource;

  void run();
  // Intake requires the next three functions of its consumer.
  Packet& next_packet() { return packets_[count_]; }
  void accept(const RawPacket& raw, LinkType link_type);
  void finish_accepted();

  struct Accepted {
    RawPacket raw;
    LinkType link_type;
    bool is_in_memory;  // true: memory_ holds the octets
  };
  void send(PacketLane& lane, const Accepted& accepted);
  void pass_on_idle();
  void pass_on_rest();

  const bool busy_poll_;
  PacketSource& source_;
  Counters& counters_;
  Intake intake_;
  Mailbox<Adjustments> adjustments_;
  std::vector<std::unique_ptr<PacketLane>> lanes_;
  std::array<Packet, kBurstPackets> packets_;  // packets that will be sent together
  std::array<Accepted, kBurstPackets> accepted_;
  std::size_t count_ = 0;
  std::span<const RawPacket> burst_;     // the packets of the current burst
  PacketMemory memory_;                  // see PacketSource::memory()
  std::uint64_t now_ns_ = 0;             // the lanes have all packets up to this time
  std::uint64_t time_passed_on_ns_ = 0;  // value of now_ns_ when empty blocks were last due
  std::atomic<std::uint64_t> end_ns_{0};
  std::atomic<bool> ended_{false};
  std::exception_ptr failure_;
  StandbyThread thread_{"distributor", [this] { run(); }};  // last, because it uses the other members
};

}  // namespace spanflow

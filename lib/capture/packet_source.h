// The interface of a source of packets. capture/input.h lists the files that a new source touches.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>

#include "decode/decoder.h"
#include "decode/packet.h"
#include "spanflow/record.h"

namespace spanflow {

inline constexpr std::size_t kBurstPackets = 64;

struct Burst {
  enum class State : std::uint8_t { kPackets, kIdle, kEnd };
  State state = State::kIdle;
  std::span<const RawPacket> packets;  // valid until the next poll()
  LinkType link_type = LinkType::kEthernet;
  // All packets up to this time have been seen, in ns since the epoch; 0 while the time is not known. It is the packet
  // time of a file, or the wall clock of a quiet port, and may be used to end flows. It never decreases unless
  // time_restarts is set.
  std::uint64_t now_ns = 0;
  // True if these packets are older than the packets before them (capture files in the wrong order): all earlier flows
  // have ended, and now_ns starts again.
  bool time_restarts = false;
  // True if another worker polled and filtered these packets, and handed them over to this worker, their owner.
  bool handed_over = false;
};

// Used by one thread, except for progress().
class PacketSource {
 public:
  virtual ~PacketSource() = default;
  // Called once, by the thread that will poll the source.
  virtual void attach_thread() {}
  // Returns kEnd once the run is told to stop, and in every later call. Never blocks for longer than about 100 ms.
  // Throws RunError when the input cannot be read any further.
  virtual Burst poll() = 0;
  virtual TimestampSource timestamp_source() const = 0;
  // True if packets that are not polled in time are lost. False if the source can wait.
  virtual bool is_live() const = 0;
  // Returns the length in octets of the longest frame on this link. A longer frame was merged by an offload.
  virtual std::uint32_t greatest_frame() const { return std::numeric_limits<std::uint32_t>::max(); }
  // Returns how full the queue of this live source is after poll(), from 0 to 1, or the best estimate.
  virtual double backlog() const { return 0; }
  // Returns the share of the input that has been read, from 0 to 1; negative if it is unknown. Thread-safe.
  virtual double progress() const { return -1; }
};

// A source whose packets can be kept without a copy beyond the next poll().
class RetainableSource : public PacketSource {
 public:
  // Returns the memory that holds the packets of the last burst. They stay valid while a reference to this memory
  // exists. The thread that polls must drop the last reference.
  virtual std::shared_ptr<const void> memory() const = 0;
};

// A source whose packets another thread has already taken in: they are filtered and free of duplicates, and later
// fragments have the ports of their first fragment. A worker only decodes them.
class PreparedSource : public PacketSource {};

}  // namespace spanflow

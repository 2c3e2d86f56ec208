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
  // All packets up to this time have been seen: packet time of a file, the wall clock of a quiet port. Flows may be
  // ended by it. ns since the epoch; it never decreases unless time_restarts is set; 0 while it is not known.
  std::uint64_t now_ns = 0;
  // These packets are older than those before (capture files in the wrong order): all flows so far have ended, and
  // now_ns starts anew.
  bool time_restarts = false;
  // Another worker polled and filtered these packets and handed them to this one, their owner.
  bool handed_over = false;
};

// Used by one thread, except for progress().
class PacketSource {
 public:
  virtual ~PacketSource() = default;
  // Called once, by the thread that will poll.
  virtual void attach_thread() {}
  // Gives kEnd once the run is told to stop. Never blocks for longer than about 100 ms. Throws RunError when the input
  // cannot be read any further. After kEnd, every call gives kEnd.
  virtual Burst poll() = 0;
  virtual TimestampSource timestamp_source() const = 0;
  // A live source does not wait: packets that are not polled in time are lost. Any other source can wait.
  virtual bool is_live() const = 0;
  // No frame on this link can be longer, in octets: a longer one was merged by an offload.
  virtual std::uint32_t greatest_frame() const { return std::numeric_limits<std::uint32_t>::max(); }
  // How full the queue of this live source is, 0 to 1, or the best estimate of it. After poll().
  virtual double backlog() const { return 0; }
  // Share of the input that has been read, 0 to 1; negative if it is unknown. Thread-safe.
  virtual double progress() const { return -1; }
};

// A source whose packets can be kept beyond the next poll() without a copy.
class RetainableSource : public PacketSource {
 public:
  // The memory that holds the last burst's packets: they stay valid while a reference to it exists. The thread that
  // polls must drop the last reference.
  virtual std::shared_ptr<const void> memory() const = 0;
};

// A source whose packets another thread has taken in already: they are filtered and free of duplicates, and later
// fragments have the ports of their first. A worker only decodes them.
class PreparedSource : public PacketSource {};

}  // namespace spanflow

// Where packets come from. A new source is one .cc file with its class and factory and one line in lib/meson.build.
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

class HandOverEnd;

struct Burst {
  enum class State : std::uint8_t { kPackets, kIdle, kEnd };
  State state = State::kIdle;
  std::span<const RawPacket> packets;  // valid until the next poll()
  LinkType link_type = LinkType::kEthernet;
  // The time up to which all packets have been seen: packet time of a file, the wall clock of a quiet port. Flows may
  // be ended by it. ns since the epoch, never going back but with time_restarts; 0 while it is not known.
  std::uint64_t now_ns = 0;
  // These packets are from an earlier time than those before (capture files in the wrong order): all flows so far have
  // ended, and now_ns starts anew.
  bool time_restarts = false;
  // Another worker took these packets in: they are filtered, and at home here.
  bool handed_over = false;
};

// Used by one thread, but for progress().
class PacketSource {
 public:
  virtual ~PacketSource() = default;
  // Once, by the thread that will poll.
  virtual void attach_thread() {}
  // Gives kEnd once the run is told to stop. Never blocks for longer than about 100 ms. Throws RunError when the input
  // cannot be read any further. After kEnd, every call gives kEnd.
  virtual Burst poll() = 0;
  // What the last burst's packets are in: they stay valid beyond the next poll() for as long as somebody holds it, and
  // the thread that polls lets it go. nullptr: they do not.
  virtual std::shared_ptr<const void> memory() const { return nullptr; }
  virtual TimestampSource timestamp_source() const = 0;
  // A live source must be kept up with: what has no room is dropped. Another one can wait.
  virtual bool is_live() const = 0;
  // No frame on this link can be longer: one that is was merged by an offload. Octets.
  virtual std::uint32_t greatest_frame() const { return std::numeric_limits<std::uint32_t>::max(); }
  // Share of the queue before this live source that is filled, 0 to 1, or the best guess of it. After poll().
  virtual double backlog() const { return 0; }
  // True if this is what the Distributor gives one worker: filtered, without duplicates, fragments with their first.
  virtual bool is_share() const { return false; }
  // By which packets leave that are another worker's; nullptr if all are at home here.
  virtual HandOverEnd* hand_over() { return nullptr; }
  // Share of the input that has been read, 0 to 1; negative if that cannot be said. Thread-safe.
  virtual double progress() const { return -1; }
};

}  // namespace spanflow

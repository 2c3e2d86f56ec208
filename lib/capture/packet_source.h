// The interface of a source of packets. capture/input.h lists the files to change for a new source.
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
  // The time of the input's clock up to which all packets have been seen, in ns; 0 while the time is unknown. A file
  // takes this time from its packets, see PacketClock. Workers end flows by this time, which never decreases.
  std::uint64_t now_ns = 0;
  // True if another worker polled and filtered these packets, and handed them over to this worker, their owner.
  bool handed_over = false;
};

// Fetches the octets that the decoder reads first. Call this for packets that another thread has read, because their
// octets are in the cache of its core.
inline void prefetch_headers(std::span<const RawPacket> packets) {
  for (const RawPacket& packet : packets) {
    __builtin_prefetch(packet.data);
    __builtin_prefetch(packet.data + 63);
  }
}

// Keeps the octets of packets valid.
using PacketMemory = std::shared_ptr<const void>;

// Used by one thread; any thread may call progress().
class PacketSource {
 public:
  virtual ~PacketSource() = default;
  // Called once, by the thread that will poll the source.
  virtual void attach_thread() {}
  // Returns kEnd at the end of the input or once the run is told to stop, and in every later call. Waits for at most
  // about 100 ms; only a pipe with compressed data or pcapng may wait longer. Throws RunError if the input cannot be
  // read any further.
  virtual Burst poll() = 0;
  virtual TimestampSource timestamp_source() const = 0;
  // True if packets that are not polled in time are lost. False if the source can wait.
  virtual bool is_live() const = 0;
  // Returns how far the wall clock is ahead of the packets' times, in ns; 0 if the packets' times are those to report.
  // Thread-safe.
  virtual std::int64_t wall_lead_ns() const { return 0; }
  // Returns the length in octets of the longest frame on this link. A longer frame shows that an offload merged frames.
  virtual std::uint32_t greatest_frame() const { return std::numeric_limits<std::uint32_t>::max(); }
  // Returns how full the queue of a live source is after poll(), from 0 (empty) to 1 (full), or estimates this.
  virtual double backlog() const { return 0; }
  // Returns the share of the input that has been read, from 0 to 1; negative if unknown. Thread-safe.
  virtual double progress() const { return -1; }
  // Returns the memory that holds the octets of the last burst's packets. The octets stay valid while a reference to
  // this memory exists. The thread that polls must also release the reference. nullptr: the octets are valid only until
  // the next poll().
  virtual PacketMemory memory() const { return nullptr; }
};

// A source whose packets have passed the Intake of another thread. The Intake has filtered the packets, removed
// duplicates and given later fragments the ports of their first fragment. A worker only decodes the packets.
class PreparedSource : public PacketSource {};

}  // namespace spanflow

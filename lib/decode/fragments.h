// Assigns the later fragments of a datagram, which have no ports, to the flow of its first fragment.
#pragma once

#include <cstdint>
#include <limits>

#include "base/units.h"
#include "base/zeroed_array.h"
#include "decode/decoder.h"
#include "decode/packet.h"
#include "telemetry/counters.h"

namespace spanflow {

// Belongs to one Intake; not thread-safe. `counters` must outlive the object. A later fragment is held, with a copy of
// its octets, until the first fragment of its datagram comes. If that does not come within the timeout, or if space is
// needed, the later fragment becomes an orphan and is released without ports. The result depends only on the packets,
// not on how they are grouped in bursts. Nothing is allocated after construction.
class Fragments {
 public:
  struct Held {
    RawPacket raw;  // has at most kHeldOctets
    LinkType link_type;
    bool waiting;
    std::uint32_t datagram;
    std::uint32_t next;  // the next fragment of the same datagram, or the next released fragment
  };

  // `capacity` is the maximum number of datagrams that are remembered, and of fragments that are held. With 0,
  // fragments pass unchanged.
  Fragments(std::uint64_t capacity, Nanoseconds timeout, Counters& counters);

  // Takes in a fragment. True if the packet can be metered now; a later fragment then has the ports of its first
  // fragment. False if it is held. All released fragments must have been taken before this call.
  bool follow(const RawPacket& raw, LinkType link_type, Packet& packet);

  // To be called before each packet. True if released fragments wait, or if a packet of this time may cause a release.
  bool may_release(std::uint64_t time_ns) const { return time_ns - quiet_from_ns_ >= quiet_for_ns_; }
  // To be called when a packet of this time arrives. Releases fragments that have waited for too long.
  void meet(std::uint64_t time_ns);
  // Like meet(), for a time that is known to be right.
  void expire(std::uint64_t now_ns);
  void release_all();
  // Returns the next released fragment, or nullptr. The fragment's octets stay valid until the next follow().
  const Held* take_released();

  // Returns the time up to which no packet is held back, if all packets up to `now_ns` have come.
  std::uint64_t passed_until(std::uint64_t now_ns) const;

 private:
  static constexpr std::uint32_t kHeldOctets = 2048;
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::uint64_t kBelievableJumpNs = 10'000'000'000;  // the same as in PacketClock

  struct Datagram {
    FlowKey key;  // the ports are 0
    std::uint32_t id;
    DatagramTransport transport;
    std::uint64_t time_ns;  // time of the first fragment, or of the newest held fragment
    std::uint32_t next;     // the next datagram in the bucket
    std::uint32_t oldest;   // the oldest held fragment
    std::uint32_t newest;
  };

  static FlowKey key_of(const Packet& packet);
  std::uint32_t& bucket(const FlowKey& key, std::uint32_t id);
  std::uint32_t find(const FlowKey& key, const Packet& packet);
  std::uint32_t add(const FlowKey& key, const Packet& packet);
  void remove(std::uint32_t datagram);
  void note_first(std::uint32_t known, const FlowKey& key, const Packet& packet);
  void hold(const RawPacket& raw, LinkType link_type, std::uint32_t datagram);
  bool waits_too_long(const Held& held, std::uint64_t time_ns) const;
  void release(Datagram& datagram);
  void orphan_oldest();
  void append_released(std::uint32_t slot);
  void settle();

  const std::uint64_t timeout_ns_;
  Counters& counters_;

  // Rings, oldest to newest: when a ring is full, its oldest element is removed.
  ZeroedArray<Datagram> datagrams_;
  ZeroedArray<std::uint32_t> buckets_;  // index of a datagram plus 1; 0: none
  std::uint64_t added_ = 0;
  ZeroedArray<Held> held_;
  ZeroedArray<std::uint8_t> octets_;  // kHeldOctets octets for each held fragment
  std::uint64_t held_begin_ = 0;
  std::uint64_t held_end_ = 0;

  std::uint32_t first_released_ = kNone;
  std::uint32_t last_released_ = kNone;
  std::uint64_t quiet_from_ns_ = 0;
  std::uint64_t quiet_for_ns_ = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t outlier_ns_ = 0;  // a time that is not yet confirmed, as in PacketClock
};

}  // namespace spanflow

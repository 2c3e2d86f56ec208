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

// Belongs to one Intake; not thread-safe. `counters` must outlive it. A later fragment whose first fragment has not
// come yet is held, with a copy of its octets, until that comes. If it does not come within the timeout, or room is
// needed, the fragment is an orphan and is released without ports. The result depends only on the packets, not on how
// they are grouped in bursts. Nothing is allocated after construction.
class Fragments {
 public:
  struct Held {
    RawPacket raw;  // at most kHeldOctets of it
    LinkType link_type;
    bool waiting;
    std::uint32_t datagram;
    std::uint32_t next;  // in the list of its datagram, or of released fragments
  };

  // `capacity`: datagrams that are followed at once, and fragments that are held; 0: off, fragments go on as they are.
  Fragments(std::uint64_t capacity, Nanoseconds timeout, Counters& counters);

  // For a fragment: true if it goes on now, a later one with the ports of its first; false if it is held. Released
  // fragments must have been taken before.
  bool follow(const RawPacket& raw, LinkType link_type, Packet& packet);

  // To be called before each packet: true if fragments are released, or may be by a packet of this time.
  bool may_release(std::uint64_t time_ns) const { return time_ns - quiet_from_ns_ >= quiet_for_ns_; }
  // A packet of this time comes: releases fragments that have waited for too long.
  void meet(std::uint64_t time_ns);
  // The same for a time that can be trusted.
  void expire(std::uint64_t now_ns);
  void release_all();
  // The next released fragment, or nullptr. Its octets stay valid until the next follow().
  const Held* take_released();

  // The time up to which all packets have gone on, if all up to `now_ns` have come.
  std::uint64_t passed_until(std::uint64_t now_ns) const;

 private:
  static constexpr std::uint32_t kHeldOctets = 2048;
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::uint64_t kBelievableJumpNs = 10'000'000'000;  // as in PacketClock

  struct Datagram {
    FlowKey key;  // without ports
    std::uint32_t id;
    DatagramTransport transport;
    std::uint64_t time_ns;  // the time of its first fragment, or of the last one that is held
    std::uint32_t next;     // in its bucket
    std::uint32_t oldest;   // held
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

  // Rings, oldest to newest: when one is full, its oldest goes.
  ZeroedArray<Datagram> datagrams_;
  ZeroedArray<std::uint32_t> buckets_;  // index of a datagram, plus 1
  std::uint64_t added_ = 0;
  ZeroedArray<Held> held_;
  ZeroedArray<std::uint8_t> octets_;  // kHeldOctets for each
  std::uint64_t held_begin_ = 0;
  std::uint64_t held_end_ = 0;

  std::uint32_t first_released_ = kNone;
  std::uint32_t last_released_ = kNone;
  std::uint64_t quiet_from_ns_ = 0;
  std::uint64_t quiet_for_ns_ = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t outlier_ns_ = 0;  // an unconfirmed time, as in PacketClock
};

}  // namespace spanflow

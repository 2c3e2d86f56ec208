// Assigns the later fragments of a datagram to the flow of its first fragment, because later fragments have no ports.
#pragma once

#include <cstdint>
#include <limits>

#include "base/flow_hash.h"
#include "base/units.h"
#include "base/zeroed_array.h"
#include "decode/decoder.h"
#include "decode/packet.h"
#include "telemetry/counters.h"

namespace spanflow {

// Belongs to one Intake; not thread-safe. `counters` must outlive the object. A later fragment is held, with a copy of
// its octets, until the first fragment of its datagram comes. After the timeout, or if space is needed, the later
// fragment becomes an orphan: it is released without ports. The result depends only on the packets, not on how the
// source groups them in bursts. No memory is allocated after construction.
class Fragments {
 public:
  struct Held {
    RawPacket raw;  // raw.data is a copy of at most kHeldOctets octets
    LinkType link_type;
    bool waiting;            // true: not yet released
    std::uint32_t datagram;  // index of its datagram
    // Index of the next held fragment of the datagram, or of the next released fragment; kNone at the end.
    std::uint32_t next;
  };

  // `capacity` is the maximum number of remembered datagrams, and also of held fragments. With a capacity of 0,
  // fragments pass unchanged. `seed` is that of the hash table.
  Fragments(std::uint64_t capacity, Nanoseconds timeout, std::uint64_t seed, Counters& counters);

  // Takes in a first fragment that holds a packet of a tunnel. `outer` is the fragment itself, without the tunnel.
  void note_tunnel(const Packet& outer);
  // True if the first fragment of this later fragment was given to note_tunnel(). The later fragment then does not
  // count.
  bool is_of_tunnel(const Packet& later);

  // Takes in a fragment. Returns true if the caller can meter `packet` now; a later fragment then has the ports of its
  // first fragment. Returns false if the fragment is held. The caller must take all released fragments before this
  // call.
  bool follow(const RawPacket& raw, LinkType link_type, Packet& packet);

  // To be called before each packet. True if released fragments wait to be taken, or if expire() would release some.
  // All times are those of the input's clock.
  bool may_release(std::uint64_t clock_ns) const { return clock_ns >= due_ns_; }
  // Releases the fragments whose timeout has passed at `clock_ns`.
  void expire(std::uint64_t clock_ns);
  // Releases all held fragments and forgets all datagrams.
  void release_all();
  // Returns the next released fragment, or nullptr if there is none. The octets of the fragment stay valid until the
  // next follow().
  const Held* take_released();

  // If all packets up to `now_ns` have come, returns the time up to which none of them is held.
  std::uint64_t passed_until(std::uint64_t now_ns) const;

 private:
  static constexpr std::uint32_t kHeldOctets = 2048;
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  struct Datagram {
    FlowKey key;  // the ports are 0
    std::uint32_t id;
    DatagramTransport transport;
    // Time of the first fragment if it is known, else time of the newest held fragment.
    std::uint64_t clock_ns;
    std::uint32_t next;    // index plus 1 of the next datagram in the bucket; 0: none
    std::uint32_t oldest;  // index of the oldest held fragment, or kNone
    std::uint32_t newest;  // index of the newest held fragment, or kNone
  };

  static FlowKey key_of(const Packet& packet);
  void note_first(const Packet& packet, const DatagramTransport& transport);
  std::uint32_t& bucket(const FlowKey& key, std::uint32_t id);
  std::uint32_t find(const FlowKey& key, const Packet& packet);
  std::uint32_t add(const FlowKey& key, const Packet& packet);
  void remove(std::uint32_t datagram);
  void hold(const RawPacket& raw, LinkType link_type, std::uint32_t datagram);
  const Held& oldest_held() const { return held_[held_begin_ % held_.size()]; }
  bool is_over(std::uint64_t since_ns, std::uint64_t clock_ns) const;
  void release(Datagram& datagram);
  void orphan_oldest();
  void append_released(std::uint32_t slot);
  void settle();

  const std::uint64_t timeout_ns_;
  const SymmetricHash hash_;
  Counters& counters_;

  // datagrams_ and held_ are rings: if a ring is full, a new element replaces the oldest one.
  ZeroedArray<Datagram> datagrams_;
  ZeroedArray<std::uint32_t> buckets_;  // hash table: index plus 1 of the first datagram in each bucket; 0: none
  std::uint64_t added_ = 0;             // number of datagrams added so far
  ZeroedArray<Held> held_;
  ZeroedArray<std::uint8_t> octets_;  // kHeldOctets octets for each held fragment
  std::uint64_t held_begin_ = 0;      // number of the oldest held fragment; its index is held_begin_ % held_.size()
  std::uint64_t held_end_ = 0;        // number of the next fragment that will be held

  std::uint32_t first_released_ = kNone;
  std::uint32_t last_released_ = kNone;
  std::uint64_t due_ns_ = kNever;  // the next release is due at this time; 0: now
};

}  // namespace spanflow

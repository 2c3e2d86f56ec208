// Knows packets that a span port has shown before: both directions mirrored, or two VLANs.
#pragma once

#include <cstdint>

#include "base/units.h"
#include "base/zeroed_array.h"
#include "decode/packet.h"

namespace spanflow {

// One for each place where packets are in one thread; not thread-safe. Two packets are the same if their metered IP
// packets are (the innermost that was entered), but for what routers and switches change: TTL, DSCP and ECN, IPv4
// header checksum. Link layer, VLAN tags and outer headers may differ, but for a VNI. Looked at are the lengths and the
// first kOctets. Remembers kPackets at most, those of the last `window`.
class Duplicates {
 public:
  // A window of 0: off, without memory.
  Duplicates(Nanoseconds window, std::uint64_t seed)
      : window_ns_(static_cast<std::uint64_t>(window.count())),
        seed_(seed),
        buckets_(window.count() > 0 ? kPackets / kBucketPackets : 0) {}

  // True if the packet came before, within the window; otherwise it is remembered.
  bool has_seen(const Packet& packet) { return window_ns_ != 0 && find_or_insert(hash(packet), packet.time_ns); }

 private:
  static constexpr std::size_t kPackets = 1 << 17;
  static constexpr std::size_t kBucketPackets = 4;
  static constexpr std::uint32_t kOctets = 256;

  struct Seen {
    std::uint64_t hash;
    std::uint64_t time_ns;
  };
  struct alignas(64) Bucket {
    Seen packets[kBucketPackets];
  };
  static_assert(sizeof(Bucket) == 64);

  std::uint64_t hash(const Packet& packet) const;
  bool find_or_insert(std::uint64_t hash, std::uint64_t time_ns);

  const std::uint64_t window_ns_;
  const std::uint64_t seed_;
  ZeroedArray<Bucket> buckets_;
};

}  // namespace spanflow

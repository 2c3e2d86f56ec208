// Finds packets that a span port has delivered twice, because it mirrors both directions or two VLANs.
#pragma once

#include <cstdint>

#include "base/flow_hash.h"
#include "base/units.h"
#include "base/zeroed_array.h"
#include "decode/packet.h"

namespace spanflow {

// Belongs to one Intake; not thread-safe. Two packets are duplicates if their metered IP packets (the innermost packets
// that were decoded) are equal. Fields that routers and switches change are ignored: TTL, DSCP and ECN, IPv4 header
// checksum. The link layer, VLAN tags and outer headers may differ, but the VNI must be equal. Only the lengths and the
// first kOctets octets are compared. The object remembers the packets of the last `window`, at most kPackets.
class Duplicates {
 public:
  // A window of 0 switches the search off; the object then allocates no memory.
  Duplicates(Nanoseconds window, std::uint64_t seed)
      : window_ns_(static_cast<std::uint64_t>(window.count())),
        secrets_(seed),
        buckets_(window.count() > 0 ? kPackets / kBucketPackets : 0) {}

  // True if a duplicate of the packet came within the window. Otherwise remembers the packet.
  bool has_seen(const Packet& packet) { return window_ns_ != 0 && find_or_insert(hash(packet), packet.clock_ns()); }

 private:
  static constexpr std::size_t kPackets = 1 << 17;
  static constexpr std::size_t kBucketPackets = 4;
  static constexpr std::uint32_t kOctets = 256;

  struct Seen {
    std::uint64_t hash;
    std::uint64_t clock_ns;
  };
  struct alignas(64) Bucket {
    Seen packets[kBucketPackets];
  };
  static_assert(sizeof(Bucket) == 64);

  std::uint64_t hash(const Packet& packet) const;
  bool find_or_insert(std::uint64_t hash, std::uint64_t clock_ns);

  const std::uint64_t window_ns_;
  const HashSecrets secrets_;
  ZeroedArray<Bucket> buckets_;
};

}  // namespace spanflow

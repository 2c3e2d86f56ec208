#include "decode/duplicates.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace spanflow {
namespace {

constexpr std::uint32_t kGreatestHeader = 40;

// Copies the fixed IP header and clears the fields that routers change. The decoder has checked that this header is
// captured. Returns its length in octets.
std::uint32_t copy_lasting_header(const Packet& packet, std::array<std::uint8_t, kGreatestHeader>& header) {
  if (packet.key.ip_version == 4) {
    std::memcpy(header.data(), packet.ip, 20);
    header[1] = 0;                // DSCP and ECN
    header[8] = 0;                // TTL
    header[10] = header[11] = 0;  // checksum
    return 20;
  }
  std::memcpy(header.data(), packet.ip, 40);
  header[0] = 0x60;  // clears the traffic class, which is spread over two octets
  header[1] &= 0x0f;
  header[7] = 0;  // hop limit
  return 40;
}

std::uint64_t add(std::uint64_t hash, const std::uint8_t* octets, std::size_t count, const HashSecrets& secrets) {
  for (std::size_t at = 0; at < count; at += 16) {
    std::array<std::uint64_t, 2> words{};
    std::memcpy(words.data(), octets + at, std::min<std::size_t>(16, count - at));
    hash = fold(hash ^ words[0] ^ secrets.first, words[1] ^ secrets.second);
  }
  return hash;
}

}  // namespace

std::uint64_t Duplicates::hash(const Packet& packet) const {
  std::array<std::uint8_t, kGreatestHeader> header{};
  const std::uint32_t fixed = copy_lasting_header(packet, header);
  // If the snap length has cut the packet, a copy with one more VLAN tag has four captured IP octets less. The number
  // of compared octets is rounded down to a power of two, so that it is usually the same for both copies.
  std::uint32_t octets = std::min(packet.ip_captured, kOctets);
  if (packet.ip_captured < packet.ip_size) octets = std::max(fixed, std::bit_floor(octets));
  const FlowKey& key = packet.key;
  const std::uint64_t tunnel =
      static_cast<std::uint64_t>(key.tunnel_key) << 8 | static_cast<std::uint8_t>(key.tunnel_type);
  std::uint64_t hash = fold(packet.ip_size ^ secrets_.first, tunnel ^ secrets_.second);
  hash = add(hash, header.data(), fixed, secrets_);
  return add(hash, packet.ip + fixed, octets - fixed, secrets_);
}

bool Duplicates::find_or_insert(std::uint64_t hash, std::uint64_t clock_ns) {
  Bucket& bucket = buckets_[hash & (buckets_.size() - 1)];
  Seen* oldest = &bucket.packets[0];
  for (Seen& seen : bucket.packets) {
    const std::uint64_t age = std::max(seen.clock_ns, clock_ns) - std::min(seen.clock_ns, clock_ns);
    if (seen.hash == hash && age <= window_ns_) return true;
    if (seen.clock_ns < oldest->clock_ns) oldest = &seen;
  }
  *oldest = {hash, clock_ns};
  return false;
}

}  // namespace spanflow

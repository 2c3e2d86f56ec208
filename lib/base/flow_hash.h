// Hashes of a FlowKey, and the comparison of a packet's key with the key of a flow.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "spanflow/record.h"

namespace spanflow {

// Mixes two words: returns the XOR of the two halves of their 128-bit product. If one word is 0, so is the result. A
// hash of what others send must therefore mix a secret into both words: if only one word were secret, a sender who
// makes the other one 0 would know the result.
constexpr std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

using FlowKeyWords = std::array<std::uint64_t, sizeof(FlowKey) / 8>;

// Copies the key word by word, so that the words stay in registers. A single memcpy of the whole key would store the
// words to memory.
inline FlowKeyWords words_of(const FlowKey& key) {
  FlowKeyWords words;
  const char* octets = reinterpret_cast<const char*>(&key);
  for (std::size_t i = 0; i < words.size(); ++i) std::memcpy(&words[i], octets + 8 * i, 8);
  return words;
}

// Compares all words without a branch, which is faster than a call of memcmp().
inline bool equal(const FlowKeyWords& a, const FlowKeyWords& b) {
  std::uint64_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= a[i] ^ b[i];
  return difference == 0;
}

// The secrets of a hash, all of them from one seed. Without the seed, nobody can choose two inputs with one hash.
struct HashSecrets {
  explicit constexpr HashSecrets(std::uint64_t seed)
      : first(fold(seed ^ 0x9e3779b97f4a7c15, 0xa0761d6478bd642f)),
        second(fold(seed ^ 0xd1b54a32d192ed03, 0xe7037ed1a0b428db)),
        multiplier(fold(seed ^ 0x8bb84b93962eacc9, 0x8ebc6af09c88c6e3) | 1) {}

  std::uint64_t first;
  std::uint64_t second;
  std::uint64_t multiplier;  // odd, so that different numbers stay different
};

// A hash that is equal for both directions of a flow, because it adds the hashes of the two endpoints.
class SymmetricHash {
 public:
  explicit constexpr SymmetricHash(std::uint64_t seed) : secrets_(seed) {}

  std::uint64_t operator()(const FlowKey& key) const {
    const FlowKeyWords words = words_of(key);
    const std::uint64_t ends = endpoint(words[0], words[1], key.src_port) + endpoint(words[2], words[3], key.dst_port);
    const std::uint64_t vlans = words[4] >> 32;  // the lower half of words[4] holds the two ports
    return fold(ends ^ secrets_.first, words[5] ^ vlans << 20 ^ secrets_.second);
  }

 private:
  // The port is multiplied, because a sender can choose all of `low` in an IPv6 address, and undo a XOR with the port.
  std::uint64_t endpoint(std::uint64_t high, std::uint64_t low, std::uint64_t port) const {
    return fold(high ^ secrets_.first, low ^ secrets_.second ^ port * secrets_.multiplier);
  }

  HashSecrets secrets_;
};

// Returns the number of the worker that owns the flow when software distributes the packets. The seed is constant, so
// every run gives the same result.
inline std::uint32_t owner_worker(const FlowKey& key, std::uint32_t workers) {
  constexpr SymmetricHash kOwnerHash{0x5b4cf1a39d2e8677};
  return static_cast<std::uint32_t>((kOwnerHash(key) >> 32) * workers >> 32);
}

// A hash of the addresses alone, equal for both directions. It is simple, because the kernel computes it too, in a
// program that knows only 32-bit numbers (capture/fanout.h). The words of an address are in host byte order.
constexpr std::uint32_t kAddressFactor = 0x9e3779b1;  // odd
constexpr std::uint32_t address_hash(const std::array<std::uint32_t, 4>& src, const std::array<std::uint32_t, 4>& dst) {
  const auto mix = [](const std::array<std::uint32_t, 4>& address) {
    std::uint32_t mixed = 0;
    for (const std::uint32_t word : address) mixed = mixed * kAddressFactor + word;
    return mixed;
  };
  const std::uint32_t one = mix(src);
  const std::uint32_t other = mix(dst);
  return ((one ^ other) * kAddressFactor + (one + other)) * kAddressFactor >> 16;
}

// Returns the number of the worker that owns a packet with these addresses when queues distribute the packets.
inline std::uint32_t address_worker(const IpAddress& src, const IpAddress& dst, std::uint32_t workers) {
  const auto words = [](const IpAddress& address) {
    std::array<std::uint32_t, 4> big_endian{};
    std::memcpy(big_endian.data(), address.bytes.data(), sizeof big_endian);
    for (std::uint32_t& word : big_endian) word = __builtin_bswap32(word);
    return big_endian;
  };
  return address_hash(words(src), words(dst)) % workers;
}

// Never change this function: users join records of different runs, sensors and releases by the flow id.
inline std::uint64_t make_flow_id(std::string_view sensor_id, const FlowKey& key, std::uint64_t first_packet_ns) {
  std::uint64_t id = fold(first_packet_ns ^ 0xa0761d6478bd642f, 0xe7037ed1a0b428db);
  for (const char c : sensor_id) id = fold(id ^ static_cast<unsigned char>(c), 0x8ebc6af09c88c6e3);
  for (const std::uint64_t word : words_of(key)) id = fold(id ^ word, 0x589965cc75374cc3);
  return id;
}

// Returns the direction of `packet` in the flow, or nullopt if the packet belongs to another flow. Compares the whole
// key. The code does not branch on the direction, because the CPU cannot predict such a branch.
[[gnu::always_inline]] inline std::optional<Direction> match(const FlowKey& flow, const FlowKey& packet) {
  const FlowKeyWords f = words_of(flow);
  const FlowKeyWords p = words_of(packet);
  const auto f_ports = static_cast<std::uint32_t>(f[4]);
  const auto p_ports = static_cast<std::uint32_t>(p[4]);
  const std::uint64_t either = (f[4] ^ p[4]) >> 32 | (f[5] ^ p[5]);
  const std::uint64_t forward = (f[0] ^ p[0]) | (f[1] ^ p[1]) | (f[2] ^ p[2]) | (f[3] ^ p[3]) | (f_ports ^ p_ports);
  const std::uint64_t reverse =
      (f[0] ^ p[2]) | (f[1] ^ p[3]) | (f[2] ^ p[0]) | (f[3] ^ p[1]) | (f_ports ^ std::rotl(p_ports, 16));
  if ((either != 0) | ((forward != 0) & (reverse != 0))) return std::nullopt;
  return static_cast<Direction>(forward != 0);
}

// A sum that is equal for both directions of a flow and rarely equal for two flows. It is cheap enough for every
// packet.
inline std::uint64_t symmetric_sum(const FlowKey& key) {
  const FlowKeyWords words = words_of(key);
  return words[0] + words[1] + words[2] + words[3] + key.src_port + key.dst_port;
}

inline FlowKey reversed(FlowKey key) {
  std::swap(key.ip_src, key.ip_dst);
  std::swap(key.src_port, key.dst_port);
  return key;
}

// True if the keys are those of one flow, in either direction.
inline bool is_same_flow(const FlowKey& one, const FlowKey& other) { return one == other || one == reversed(other); }

}  // namespace spanflow

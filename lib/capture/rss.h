// Receive side scaling: whether a port brings both directions of a flow to one queue.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace spanflow {

// Length of a driver's key in octets: `told` by the driver, or 40 if that is 0.
std::size_t rss_key_octets(std::size_t told);

// A key that repeats two octets makes Toeplitz symmetric: swapping source and destination does not change the hash.
std::vector<std::uint8_t> symmetric_rss_key(std::size_t octets);

// The Toeplitz hash of `input`, in network order and a multiple of four octets; the key must be at least four octets
// longer.
std::uint32_t toeplitz_hash(std::span<const std::uint8_t> input, std::span<const std::uint8_t> key);

// How a port splits packets over its queues.
struct RssLayout {
  std::vector<std::uint8_t> key;
  std::vector<std::uint16_t> queues;  // the redirection table; empty if it is unknown

  bool operator==(const RssLayout&) const = default;

  // The queue of a packet between two IPv4 or IPv6 addresses, in network order one after the other. If the table is
  // unknown, the hash.
  std::uint32_t queue_of(std::span<const std::uint8_t> addresses) const;
  // Tries pairs of IPv4 and IPv6 addresses: true if both directions of each pair go to one queue.
  bool directions_meet() const;
  // True if each of `queue_count` queues gets packets, or the table is unknown.
  bool uses_all(std::uint16_t queue_count) const;
};

// The layout that the port reports; std::nullopt if it reports none.
std::optional<RssLayout> read_rss_layout(std::uint16_t port);

// Sets a redirection table with that many entries that uses the queues evenly; false if the port refuses it.
bool distribute_evenly(std::uint16_t port, std::size_t entries, std::uint16_t queues);

// The packet fields that the port is asked to hash, out of those `offered`: only IP addresses, because later fragments
// have no ports. Ports too only if the port cannot hash by addresses alone.
std::uint64_t rss_types(std::uint64_t offered);

// Requests a symmetric hash by flow rules, for drivers that accept no key. False if it is refused.
bool request_symmetric_rss(std::uint16_t port, std::uint16_t queues);

}  // namespace spanflow

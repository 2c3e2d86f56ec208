// Receive side scaling: whether a port brings both directions of a flow to one queue.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace spanflow {

// How long a driver's key is; some do not tell and mean 40.
std::size_t rss_key_octets(std::size_t told);

// The same two octets all along make Toeplitz symmetric: swapping source and destination does not change the hash.
std::vector<std::uint8_t> symmetric_rss_key(std::size_t octets);

// Toeplitz over `input`, which is in network order and a multiple of four octets; the key has four more at least.
std::uint32_t toeplitz_hash(std::span<const std::uint8_t> input, std::span<const std::uint8_t> key);

// How a port splits packets over its queues.
struct RssLayout {
  std::vector<std::uint8_t> key;
  std::vector<std::uint16_t> queues;  // the redirection table; empty if the port does not tell

  bool operator==(const RssLayout&) const = default;

  // The queue of a packet between two IPv4 or IPv6 addresses, in network order one after the other; the hash itself
  // where the table is not known.
  std::uint32_t queue_of(std::span<const std::uint8_t> addresses) const;
  // Sends pairs of addresses through it, IPv4 and IPv6, each in both directions: true if these always meet.
  bool directions_meet() const;
  // Each of so many queues gets some; also true if the table is not known.
  bool uses_all(std::uint16_t queue_count) const;
};

// What the port says it does; nothing if it does not say it.
std::optional<RssLayout> read_rss_layout(std::uint16_t port);

// Sets a redirection table of so many entries that uses its queues evenly; false if the port does not take it.
bool distribute_evenly(std::uint16_t port, std::size_t entries, std::uint16_t queues);

// What the port is asked to hash, of all that it can: IP addresses alone, which fragments have too. Ports as well only
// where it knows no IP packets as such.
std::uint64_t rss_types(std::uint64_t offered);

// Asks for a symmetric hash by flow rules, for drivers that take no key. False if it is refused.
bool request_symmetric_rss(std::uint16_t port, std::uint16_t queues);

}  // namespace spanflow

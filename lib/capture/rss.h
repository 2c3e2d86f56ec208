// Receive side scaling (RSS): finds out whether a port brings both directions of a flow to one queue.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace spanflow {

// Returns the length of a driver's key in octets: `told` by the driver, or 40 if the driver tells 0.
std::size_t rss_key_octets(std::size_t told);

// Returns a key that repeats two octets. This makes the Toeplitz hash symmetric: swapping source and destination does
// not change the hash.
std::vector<std::uint8_t> symmetric_rss_key(std::size_t octets);

// Returns the Toeplitz hash of `input`, which is in network byte order and a multiple of four octets long. The key must
// be at least four octets longer than `input`.
std::uint32_t toeplitz_hash(std::span<const std::uint8_t> input, std::span<const std::uint8_t> key);

// Describes how a port splits packets over its queues.
struct RssLayout {
  std::vector<std::uint8_t> key;
  std::vector<std::uint16_t> queues;  // the redirection table; empty if the table is unknown

  bool operator==(const RssLayout&) const = default;

  // Returns the queue of a packet between two IPv4 or IPv6 addresses, which follow each other in network byte order. If
  // the table is unknown, returns the hash.
  std::uint32_t queue_of(std::span<const std::uint8_t> addresses) const;
  // True if both directions of each of many pairs of IPv4 and IPv6 addresses go to one queue.
  bool directions_meet() const;
  // True if each of `queue_count` queues gets packets, or if the table is unknown.
  bool uses_all(std::uint16_t queue_count) const;
};

// Returns the layout that the port reports, or std::nullopt if the port reports none.
std::optional<RssLayout> read_rss_layout(std::uint16_t port);

// Sets a redirection table of `entries` entries that uses the queues evenly. False if the port refuses the table.
bool distribute_evenly(std::uint16_t port, std::size_t entries, std::uint16_t queues);

// Returns the packet fields that the port is asked to hash, out of the fields `offered`. These are only the IP
// addresses, because later fragments have no ports. Ports are included only if the port cannot hash by addresses alone.
std::uint64_t rss_types(std::uint64_t offered);

// Requests a symmetric hash by flow rules, for drivers that accept no key. False if the port refuses the request.
bool request_symmetric_rss(std::uint16_t port, std::uint16_t queues);

}  // namespace spanflow

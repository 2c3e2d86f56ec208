// Receive side scaling (RSS): finds out whether a port brings both directions of a flow to one queue.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace spanflow {

// Returns the length of a driver's RSS key in octets. `told` is the length that the driver reports. If `told` is 0, the
// result is 40.
std::size_t rss_key_octets(std::size_t told);

// Returns an RSS key that repeats two octets. With this key the Toeplitz hash is symmetric: both directions of a flow
// have the same hash.
std::vector<std::uint8_t> symmetric_rss_key(std::size_t octets);

// Returns the Toeplitz hash of `input`. `input` is in network byte order, and its length is a multiple of 4 octets, at
// most 36 octets. The key must be at least 4 octets longer than `input`.
std::uint32_t toeplitz_hash(std::span<const std::uint8_t> input, std::span<const std::uint8_t> key);

// Describes how a port splits packets over its queues.
struct RssLayout {
  std::vector<std::uint8_t> key;
  std::vector<std::uint16_t> queues;  // the redirection table; empty if the table is unknown

  bool operator==(const RssLayout&) const = default;

  // Returns the queue of a packet. `addresses` holds the packet's source and destination address (both IPv4 or both
  // IPv6) in network byte order. If the redirection table is unknown, returns the hash instead.
  std::uint32_t queue_of(std::span<const std::uint8_t> addresses) const;
  // Tests many pairs of IPv4 and IPv6 addresses. True if both directions of every pair go to the same queue.
  bool directions_meet() const;
  // True if each of `queue_count` queues gets packets, or if the redirection table is unknown.
  bool uses_all(std::uint16_t queue_count) const;
};

// Returns the layout that the port reports, or std::nullopt if the port reports none.
std::optional<RssLayout> read_rss_layout(std::uint16_t port);

// Sets a redirection table of `entries` entries that uses all `queues` queues evenly. False if the port refuses the
// table.
bool distribute_evenly(std::uint16_t port, std::size_t entries, std::uint16_t queues);

// Returns the RSS types (RTE_ETH_RSS_*) to request from a device; `offered` has the types that the device supports. The
// result has only the types for IP addresses, because later fragments have no transport ports. If the device cannot
// hash by addresses alone, the result also has types with transport ports.
std::uint64_t rss_types(std::uint64_t offered);

// Requests a symmetric hash by rte_flow rules, for drivers that accept no RSS key. False if the port refuses a rule.
bool request_symmetric_rss(std::uint16_t port, std::uint16_t queues);

}  // namespace spanflow

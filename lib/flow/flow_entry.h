// A worker's state of one flow. It is small, because most of a packet's cost is fetching it from memory.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>

#include "base/directions.h"
#include "dpi/flow_inspection.h"
#include "inspect/hello_watch.h"
#include "spanflow/record.h"

namespace spanflow {

enum class EntryState : std::uint8_t {
  kOpen,     // has a segment with packets
  kClosed,   // has a segment whose TCP connection has closed; late packets may follow
  kDormant,  // cut by the active timeout: has no segment until the next packet opens one
};

// One direction of a segment. The counts are lower halves; CounterHighBits has the upper halves.
struct SideState {
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t start_ns = kNever;
  std::uint64_t end_ns = 0;
  std::uint32_t pkts = 0;
  std::uint32_t link_octets = 0;
  std::uint32_t ip_octets = 0;
  std::uint8_t tcp_flags = 0;
  std::uint8_t dscp = 0;  // from the first packet of this direction
  std::uint8_t ttl_min = 0xff;
  std::uint8_t ttl_max = 0;

  bool has_packets() const { return start_ns != kNever; }
};
static_assert(sizeof(SideState) == 32);

// The state that every packet of the flow needs: one cache line for finding the flow, and one for counting the packet.
struct alignas(64) FlowEntry {
  FlowKey key;
  // Time of the worker's clock when the entry last moved in the order of use, modulo 2^32.
  std::uint32_t touched_ms = 0;
  HelloWatch hello;
  EntryState state : 2 = EntryState::kOpen;
  std::uint8_t syn_seen : 2 = 0;  // one bit per direction
  std::uint8_t fin_seen : 2 = 0;
  BiflowDirection biflow_direction : 2 = BiflowDirection::kArbitrary;
  bool ends_now : 1 = false;  // true: a user metric has asked to end the flow
  bool has_tags : 1 = false;  // has_*: true if the entry uses its element of that side array
  bool has_tunnel_ids : 1 = false;
  bool has_high_bits : 1 = false;
  bool has_load_shedding : 1 = false;
  // True: the entry is in the order of conversations, not in that of flows on probation.
  bool is_conversation : 1 = false;
  FlowInspection inspection;
  SideState sides[kDirections];

  SideState& side(Direction direction) { return sides[direction_index(direction)]; }
  // The start and end of the segment, if it has packets. A dormant entry has those of its last segment.
  std::uint64_t start_ns() const { return std::min(sides[0].start_ns, sides[1].start_ns); }
  std::uint64_t end_ns() const { return std::max(sides[0].end_ns, sides[1].end_ns); }
  bool has_packets() const { return sides[0].has_packets() || sides[1].has_packets(); }
};
static_assert(sizeof(FlowEntry) == 128);
static_assert(static_cast<int>(EntryState::kDormant) < 4);
static_assert(static_cast<int>(BiflowDirection::kReverseInitiator) < 4);

// The state that only the first and last packets of a flow, and a few others, need. All members are aligned to 4
// octets, so that the struct has no padding.
struct FlowDetails {
  struct Icmp {
    std::uint8_t type;
    std::uint8_t code;
  };

  union {
    InitialSequence initial_sequence{};  // for TCP
    Icmp icmp;                           // for other protocols: type and code of the first packet
  };
  std::array<std::uint32_t, 2> flow_id_words{};
  std::uint32_t closed_low = 0;
  std::uint16_t closed_high = 0;
  std::uint16_t segment = 0;  // lower half; CounterHighBits has the upper half
  MacAddress src_mac{};
  MacAddress dst_mac{};

  std::uint64_t flow_id() const { return std::bit_cast<std::uint64_t>(flow_id_words); }
  void set_flow_id(std::uint64_t id) { flow_id_words = std::bit_cast<std::array<std::uint32_t, 2>>(id); }

  // The time at which the TCP connection closed must be less than 2^48 ns before the flow's end, because only 48 bits
  // of it are stored.
  static constexpr std::uint64_t kMostSinceClose = (std::uint64_t{1} << 48) - 1;
  std::uint64_t closed_ns(std::uint64_t flow_end_ns) const {
    const std::uint64_t low = std::uint64_t{closed_high} << 32 | closed_low;
    return flow_end_ns - ((flow_end_ns - low) & kMostSinceClose);
  }
  void set_closed(std::uint64_t time_ns) {
    closed_low = static_cast<std::uint32_t>(time_ns);
    closed_high = static_cast<std::uint16_t>(time_ns >> 32);
  }
};
static_assert(sizeof(FlowDetails) == 36);

// Rare per-flow state is in side arrays, whose pages take no memory until they are used.

// The upper halves of counts. A segment of 4 GiB or more needs them, or a flow of 65,536 segments or more.
struct CounterHighBits {
  struct Side {
    std::uint32_t pkts;
    std::uint32_t link_octets;
    std::uint32_t ip_octets;
  };
  Side sides[kDirections];
  std::uint32_t segment;
};

// The VLAN ids (802.1Q) of the first packet.
struct Tags {
  std::uint16_t vlan_id;
  std::uint16_t vlan_outer_id;
};

// The work that was left out because of overload since the flow opened.
struct LoadShedding {
  std::uint8_t features : 1;
  std::uint8_t sampling_shift : 4;  // the flow represents 2^sampling_shift flows
};

// The tunnel ids of the last packet of each direction.
struct TunnelIds {
  std::uint32_t sides[kDirections];
};

// Octets as flow.accounting counts them, if it counts neither at the link layer nor at the IP layer.
struct AccountedOctets {
  std::uint64_t sides[kDirections];
};

}  // namespace spanflow

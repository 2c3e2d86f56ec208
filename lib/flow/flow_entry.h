// A worker's state of one flow. It is small, because fetching it from memory is most of the cost of a packet.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <limits>

#include "base/directions.h"
#include "dpi/flow_inspection.h"
#include "inspect/inspection_state.h"
#include "spanflow/record.h"

namespace spanflow {

enum class EntryState : std::uint8_t {
  kOpen,     // has a segment with packets
  kClosed,   // has a segment whose TCP connection has closed; late packets may follow
  kDormant,  // the active timeout ended its segment; the next packet opens a new segment
};

// One direction of a segment. The counts are the lower 32 bits; CounterHighBits has the upper bits.
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

// The state that every packet of the flow needs: one cache line to find the flow, and one to count the packet.
struct alignas(64) FlowEntry {
  FlowKey key;
  // Time of the worker's clock, in ms modulo 2^32, at which the entry last moved in its order of use.
  std::uint32_t touched_ms = 0;
  InspectionState reading;
  EntryState state : 2 = EntryState::kOpen;
  std::uint8_t syn_seen : 2 = 0;   // one bit per direction, see direction_bit()
  std::uint8_t isn_known : 2 = 0;  // directions whose FlowDetails::initial_sequence is known
  std::uint8_t fin_seen : 2 = 0;
  BiflowDirection biflow_direction : 2 = BiflowDirection::kArbitrary;
  bool ends_now : 1 = false;  // true: a user metric has asked to end the flow
  bool has_tags : 1 = false;  // has_*: true if the entry uses its element of the side array of this name
  bool has_tunnel_ids : 1 = false;
  bool has_high_bits : 1 = false;
  bool has_load_shedding : 1 = false;
  // True: the entry is in FlowTable::conversations(). False: the entry is in FlowTable::on_probation().
  bool is_conversation : 1 = false;
  FlowInspection inspection;
  SideState sides[kDirections];

  SideState& side(Direction direction) { return sides[direction_index(direction)]; }
  // Least and greatest packet time of the segment; kNever and 0 without packets. A dormant entry keeps the times of its
  // last segment.
  std::uint64_t start_ns() const { return std::min(sides[0].start_ns, sides[1].start_ns); }
  std::uint64_t end_ns() const { return std::max(sides[0].end_ns, sides[1].end_ns); }
  bool has_packets() const { return sides[0].has_packets() || sides[1].has_packets(); }
};
static_assert(sizeof(FlowEntry) == 128);
static_assert(static_cast<int>(EntryState::kDormant) < 4);
static_assert(static_cast<int>(BiflowDirection::kReverseInitiator) < 4);

// The state that few packets need: mainly the first and the last packet of a flow. All members are aligned to 4 octets
// or less, so that the struct has no padding.
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
  std::uint32_t closed_low = 0;  // closed_low, closed_high: the lower 48 bits of the close time in ns
  std::uint16_t closed_high = 0;
  std::uint16_t segment = 0;  // lower 16 bits of the segment number; CounterHighBits has the upper bits
  MacAddress src_mac{};
  MacAddress dst_mac{};

  std::uint64_t flow_id() const { return std::bit_cast<std::uint64_t>(flow_id_words); }
  void set_flow_id(std::uint64_t id) { flow_id_words = std::bit_cast<std::array<std::uint32_t, 2>>(id); }

  // Only the lower 48 bits of the close time are stored. The close time must therefore be at most kMostSinceClose ns
  // before the flow's end.
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

// The following structs hold rare state of a flow. Each struct is the element type of a side array in the FlowTable.
// Pages of a side array that were never used take no memory.

// The upper bits of counts, used for a segment of 4 GiB or more and for a flow of more than 65,536 segments.
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

// Reduced metering of a flow because of overload, chosen when the flow opens.
struct LoadShedding {
  std::uint8_t names : 1;           // 1: the readers leave the flow's payload alone
  std::uint8_t features : 1;        // 1: the flow has no features
  std::uint8_t sampling_shift : 4;  // the flow represents 2^sampling_shift flows
};

// The tunnel ids of the last packet of each direction.
struct TunnelIds {
  std::uint32_t sides[kDirections];
};

// Transport or payload octets, if flow.accounting counts these. SideState has the octets of the other layers.
struct AccountedOctets {
  std::uint64_t sides[kDirections];
};

}  // namespace spanflow

// What a worker keeps of a flow: small, because the memory that a packet waits for is most of its cost.
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
  kOpen,     // a segment with packets
  kClosed,   // a segment whose TCP connection has closed, kept for late packets
  kDormant,  // cut by the active timeout: no segment, until the next packet opens one
};

// One direction of a segment. The counts are the lower halves: what goes beyond is in the flow's CounterHighBits.
struct SideState {
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t start_ns = kNever;
  std::uint64_t end_ns = 0;
  std::uint32_t pkts = 0;
  std::uint32_t link_octets = 0;
  std::uint32_t ip_octets = 0;
  std::uint8_t tcp_flags = 0;
  std::uint8_t dscp = 0;  // of the first packet
  std::uint8_t ttl_min = 0xff;
  std::uint8_t ttl_max = 0;

  bool has_packets() const { return start_ns != kNever; }
};
static_assert(sizeof(SideState) == 32);

// What every packet of the flow needs: two cache lines, one for finding it and one for counting.
struct alignas(64) FlowEntry {
  FlowKey key;
  std::uint32_t touched_ms = 0;  // the worker's clock when it last moved in the order of use, modulo 2^32
  HelloWatch hello;
  EntryState state : 2 = EntryState::kOpen;
  std::uint8_t syn_seen : 2 = 0;  // a bit per direction
  std::uint8_t fin_seen : 2 = 0;
  BiflowDirection biflow_direction : 2 = BiflowDirection::kArbitrary;
  bool ends_now : 1 = false;           // a user metric said so
  bool has_tags : 1 = false;           // Tags are its own
  bool has_tunnel_ids : 1 = false;     // TunnelIds are
  bool has_high_bits : 1 = false;      // CounterHighBits are
  bool has_load_shedding : 1 = false;  // LoadShedding is
  bool is_conversation : 1 = false;    // the table's order of use goes by it
  FlowInspection inspection;
  SideState sides[2];  // by direction

  SideState& side(Direction direction) { return sides[static_cast<int>(direction)]; }
  // Of the segment, if it has packets; of a dormant flow's last segment.
  std::uint64_t start_ns() const { return std::min(sides[0].start_ns, sides[1].start_ns); }
  std::uint64_t end_ns() const { return std::max(sides[0].end_ns, sides[1].end_ns); }
  bool has_packets() const { return sides[0].has_packets() || sides[1].has_packets(); }
};
static_assert(sizeof(FlowEntry) == 128);

// What its beginning, its end and few packets between need. Made of words of 4 octets, so that it has no padding.
struct FlowDetails {
  struct Icmp {
    std::uint8_t type;
    std::uint8_t code;
  };

  // TCP, by direction: for nDPI's replay, the ClientHelloWatcher and the detection of a new connection.
  union {
    InitialSequence initial_sequence{};
    Icmp icmp;  // of the first packet; not TCP
  };
  std::array<std::uint32_t, 2> flow_id_words{};
  std::uint32_t closed_low = 0;
  std::uint16_t closed_high = 0;
  std::uint16_t segment = 0;  // lower half; what goes beyond is in CounterHighBits
  MacAddress src_mac{};
  MacAddress dst_mac{};

  std::uint64_t flow_id() const { return std::bit_cast<std::uint64_t>(flow_id_words); }
  void set_flow_id(std::uint64_t id) { flow_id_words = std::bit_cast<std::array<std::uint32_t, 2>>(id); }

  // When the TCP connection closed: 48 bits of it, so it must be less than this long before the flow's last packet.
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

// What few flows have lies in arrays of its own; memory that nobody has written to is none.

// The upper halves of counts: for a segment of 4 GiB and more, or a flow of 65,536 segments and more.
struct CounterHighBits {
  struct Side {
    std::uint32_t pkts;
    std::uint32_t link_octets;
    std::uint32_t ip_octets;
  };
  Side sides[2];
  std::uint32_t segment;
};

// 802.1Q ids of the first packet.
struct Tags {
  std::uint16_t vlan_id;
  std::uint16_t vlan_outer_id;
};

// What is left out for overload since the flow opened.
struct LoadShedding {
  std::uint8_t features : 1;
  std::uint8_t sampling_shift : 4;  // the flow stands for 2 to the power of this
};

// Of the last packet of each direction.
struct TunnelIds {
  std::uint32_t sides[2];
};

}  // namespace spanflow

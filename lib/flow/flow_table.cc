#include "flow/flow_table.h"

#include <algorithm>
#include <cassert>

#include "base/units.h"
#include "decode/packet.h"

namespace spanflow {
namespace {

constexpr std::int32_t kUseOrderGrain = 100;  // ms; resolution of the order of use

std::uint32_t in_milliseconds(std::uint64_t time_ns) {
  return static_cast<std::uint32_t>(time_ns / kNanosecondsPerMillisecond);
}

bool is_counted_apart(Accounting accounting) {
  return accounting == Accounting::kTransport || accounting == Accounting::kPayload;
}

std::uint64_t whole(std::uint32_t upper, std::uint32_t lower) { return std::uint64_t{upper} << 32 | lower; }

}  // namespace

FlowTable::FlowTable(std::uint32_t capacity, std::uint64_t seed, Accounting accounting)
    : hash_(seed),
      entries_(capacity),
      details_(capacity),
      use_(capacity),
      opening_(capacity),
      slots_(slots_for(capacity)),
      high_bits_(capacity),
      tags_(capacity),
      tunnel_ids_(capacity),
      load_shedding_(capacity),
      accounted_octets_(is_counted_apart(accounting) ? capacity : 0),
      accounting_(accounting),
      on_probation_(use_),
      conversations_(use_),
      by_opening_(opening_),
      by_close_(opening_) {}

// At most two thirds of the slots are used, so that linear probing is short. At least one slot is always free, because
// a free slot ends the probing.
std::uint32_t FlowTable::slots_for(std::uint32_t capacity) {
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(2, std::uint64_t{capacity} * 3 / 2));
}

std::size_t FlowTable::octets(std::uint32_t capacity) {
  return capacity * (sizeof(FlowEntry) + sizeof(FlowDetails) + 2 * sizeof(Links)) + slots_for(capacity) * sizeof(Slot);
}
// With 12 octets of slots, a flow takes at most 192 octets.
static_assert(sizeof(FlowEntry) + sizeof(FlowDetails) + 2 * sizeof(Links) <= 180);

std::uint32_t FlowTable::prefetch_entry(std::uint32_t hash) const {
  for (std::uint32_t at = home_slot(hash); slots_[at].entry != 0; at = after(at)) {
    if (slots_[at].hash != hash) continue;
    prefetch(slots_[at].entry - 1);
    return slots_[at].entry - 1;
  }
  return kNoIndex;
}

void FlowTable::prefetch(std::uint32_t index) const {
  const auto* entry = reinterpret_cast<const char*>(&entries_[index]);
  __builtin_prefetch(entry);
  __builtin_prefetch(entry + 64);
  __builtin_prefetch(&use_[index]);
}

void FlowTable::prefetch_whole(std::uint32_t index) const {
  prefetch(index);
  __builtin_prefetch(&details_[index]);
  __builtin_prefetch(&opening_[index]);
}

FlowTable::Found FlowTable::find(const FlowKey& key, std::uint32_t hash, std::uint32_t expected) {
  if (expected != kNoIndex) {
    FlowEntry& entry = entries_[expected];
    if (const auto direction = match(entry.key, key)) return {&entry, *direction};
  }
  for (std::uint32_t at = home_slot(hash); slots_[at].entry != 0; at = after(at)) {
    if (slots_[at].hash != hash) continue;
    FlowEntry& entry = entries_[slots_[at].entry - 1];
    if (const auto direction = match(entry.key, key)) return {&entry, *direction};
  }
  return {nullptr, Direction::kSrcToDst};
}

FlowEntry& FlowTable::insert(const FlowKey& key, std::uint32_t hash, std::uint64_t now_ns) {
  assert(!full());
  std::uint32_t index = free_;
  if (index != kNoIndex) {
    free_ = use_[index].next;
  } else {
    index = unused_++;
  }
  ++size_;
  std::uint32_t at = home_slot(hash);
  while (slots_[at].entry != 0) at = after(at);
  slots_[at] = {hash, index + 1};
  FlowEntry& entry = entries_[index];
  entry = FlowEntry{.key = key, .touched_ms = in_milliseconds(now_ns)};
  details_[index] = {};
  on_probation_.push_back(index);
  return entry;
}

void FlowTable::erase(FlowEntry& entry) {
  const std::uint32_t index = index_of(entry);
  std::uint32_t at = home_slot(hash(entry.key));
  while (slots_[at].entry != index + 1) at = after(at);
  release_slot(at);
  order_of(entry).remove(index);
  entry.key = {};  // no packet has this key, so find() does not return the entry if it is expected
  use_[index].next = free_;
  free_ = index;
  --size_;
}

// Frees the slot, and moves back slots that probing had placed after it. The table therefore needs no tombstones.
void FlowTable::release_slot(std::uint32_t slot) {
  std::uint32_t gap = slot;
  for (std::uint32_t at = after(gap); slots_[at].entry != 0; at = after(at)) {
    if (distance(home_slot(slots_[at].hash), at) < distance(gap, at)) continue;
    slots_[gap] = slots_[at];
    gap = at;
  }
  slots_[gap] = {};
}

void FlowTable::touch(FlowEntry& entry, std::uint64_t now_ns) {
  if (static_cast<std::int32_t>(in_milliseconds(now_ns) - entry.touched_ms) < kUseOrderGrain) return;
  move_to(order_of(entry), entry, now_ns);
}

void FlowTable::begin_conversation(FlowEntry& entry, std::uint64_t now_ns) {
  move_to(conversations_, entry, now_ns);
  entry.is_conversation = true;
}

void FlowTable::move_to(IndexList& order, FlowEntry& entry, std::uint64_t now_ns) {
  const std::uint32_t index = index_of(entry);
  order_of(entry).remove(index);
  order.push_back(index);
  entry.touched_ms = in_milliseconds(now_ns);
}

std::uint32_t FlowTable::least_recently_used(std::uint64_t now_ns) const {
  if (on_probation_.empty()) return conversations_.front();
  if (conversations_.empty()) return on_probation_.front();
  const auto touched = [&](const IndexList& order) { return touched_ns(entries_[order.front()], now_ns); };
  return touched(conversations_) < touched(on_probation_) ? conversations_.front() : on_probation_.front();
}

std::uint64_t FlowTable::touched_ns(const FlowEntry& entry, std::uint64_t now_ns) {
  const std::uint64_t whole_ms = now_ns - now_ns % kNanosecondsPerMillisecond;
  return whole_ms + static_cast<std::uint64_t>(touched_after_ns(entry, now_ns));
}

std::int64_t FlowTable::touched_after_ns(const FlowEntry& entry, std::uint64_t time_ns) {
  const auto after_ms = static_cast<std::int32_t>(entry.touched_ms - in_milliseconds(time_ns));
  return after_ms * static_cast<std::int64_t>(kNanosecondsPerMillisecond);
}

void FlowTable::start_segment(FlowEntry& entry) {
  for (SideState& side : entry.sides) side = {};
  if (entry.has_high_bits) std::ranges::fill(high_bits(entry).sides, CounterHighBits::Side{});
  if (keeps_accounted_octets()) accounted_octets_[index_of(entry)] = {};
}

void FlowTable::next_segment(FlowEntry& entry) {
  if (++details(entry).segment == 0) ++high_bits(entry).segment;
}

CounterHighBits& FlowTable::high_bits(FlowEntry& entry) {
  CounterHighBits& high_bits = high_bits_[index_of(entry)];
  if (!entry.has_high_bits) high_bits = {};
  entry.has_high_bits = true;
  return high_bits;
}

Tags& FlowTable::tags(FlowEntry& entry) {
  Tags& tags = tags_[index_of(entry)];
  if (!entry.has_tags) tags = {};
  entry.has_tags = true;
  return tags;
}

TunnelIds& FlowTable::tunnel_ids(FlowEntry& entry) {
  TunnelIds& ids = tunnel_ids_[index_of(entry)];
  if (!entry.has_tunnel_ids) ids = {};
  entry.has_tunnel_ids = true;
  return ids;
}

LoadShedding& FlowTable::load_shedding(FlowEntry& entry) {
  LoadShedding& load_shedding = load_shedding_[index_of(entry)];
  if (!entry.has_load_shedding) load_shedding = {};
  entry.has_load_shedding = true;
  return load_shedding;
}

void FlowTable::read(const FlowEntry& entry, Flow& flow) const {
  const std::uint32_t index = index_of(entry);
  const FlowDetails& details = details_[index];
  const Tags tags = entry.has_tags ? tags_[index] : Tags{};
  const FlowDetails::Icmp icmp = entry.key.ip_protocol == protocol::kTcp ? FlowDetails::Icmp{} : details.icmp;
  const LoadShedding load_shedding = entry.has_load_shedding ? load_shedding_[index] : LoadShedding{};
  static_cast<FlowKey&>(flow) = entry.key;
  flow.start_ns = entry.start_ns();
  flow.end_ns = entry.end_ns();
  flow.flow_id = details.flow_id();
  flow.segment = (entry.has_high_bits ? high_bits_[index].segment : 0) << 16 | details.segment;
  flow.vlan_id = tags.vlan_id;
  flow.vlan_outer_id = tags.vlan_outer_id;
  flow.src_mac = details.src_mac;
  flow.dst_mac = details.dst_mac;
  flow.icmp_type = icmp.type;
  flow.icmp_code = icmp.code;
  flow.biflow_direction = entry.biflow_direction;
  flow.ends_now = entry.ends_now;
  flow.sampling_rate = 1U << load_shedding.sampling_shift;
  flow.overload = static_cast<std::uint8_t>((load_shedding.names != 0 ? kShedNames : 0) |
                                            (load_shedding.features != 0 ? kShedFeatures : 0) |
                                            (load_shedding.sampling_shift > 0 ? kShedFlows : 0));
  read(entry, Direction::kSrcToDst, flow.src_to_dst);
  read(entry, Direction::kDstToSrc, flow.dst_to_src);
}

void FlowTable::read(const FlowEntry& entry, Direction direction, FlowSide& side) const {
  const std::uint32_t index = index_of(entry);
  const std::size_t at = direction_index(direction);
  const SideState& state = entry.sides[at];
  const CounterHighBits::Side upper = entry.has_high_bits ? high_bits_[index].sides[at] : CounterHighBits::Side{};
  side.pkts = whole(upper.pkts, state.pkts);
  side.link_bytes = whole(upper.link_octets, state.link_octets);
  side.ip_bytes = whole(upper.ip_octets, state.ip_octets);
  side.bytes = accounting_ == Accounting::kLink ? side.link_bytes : side.ip_bytes;
  if (keeps_accounted_octets()) side.bytes = accounted_octets_[index].sides[at];
  side.start_ns = state.has_packets() ? state.start_ns : 0;
  side.end_ns = state.end_ns;
  side.tunnel_id = entry.has_tunnel_ids ? tunnel_ids_[index].sides[at] : 0;
  side.tcp_flags = state.tcp_flags;
  side.dscp = state.dscp;
  side.ttl_min = state.has_packets() ? state.ttl_min : 0;
  side.ttl_max = state.ttl_max;
}

}  // namespace spanflow

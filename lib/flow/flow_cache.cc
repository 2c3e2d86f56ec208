#include "flow/flow_cache.h"

#include <algorithm>

namespace spanflow {
namespace {

std::uint64_t nanoseconds(Nanoseconds duration) { return static_cast<std::uint64_t>(duration.count()); }

std::uint8_t bit(Direction direction) { return direction == Direction::kSrcToDst ? 1 : 2; }

bool has(const Packet& packet, std::uint8_t flags) { return (packet.tcp_flags & flags) == flags; }

bool is_tcp(const FlowKey& key) { return key.ip_protocol == protocol::kTcp; }

std::uint32_t share_of_capacity(const Config& config) {
  return static_cast<std::uint32_t>(
      std::max<std::uint64_t>(1, (config.flow.capacity + config.workers - 1) / config.workers));
}

}  // namespace

FlowCache::FlowCache(const Config& config, std::uint64_t hash_seed, const RecordOrigin& origin, Classifier* classifier,
                     const MetricSet& metrics, RecordWriter& writer, Counters& counters)
    : options_(config.flow),
      active_timeout_ns_(nanoseconds(config.flow.active_timeout)),
      inactive_timeout_ns_(nanoseconds(config.flow.inactive_timeout)),
      tcp_linger_ns_(nanoseconds(config.flow.tcp_linger)),
      origin_(origin),
      classifier_(classifier),
      writer_(writer),
      counters_(counters),
      table_(share_of_capacity(config), hash_seed) {
  if (Features::any(config.features)) features_.emplace(config.features, share_of_capacity(config));
  if (!metrics.empty()) metrics_.emplace(metrics, share_of_capacity(config), counters);
}

void FlowCache::prefetch(std::uint32_t hash) const {
  const std::uint32_t index = table_.prefetch_entry(hash);
  if (index == kNoIndex) return;
  if (features_) features_->prefetch(index);
  if (metrics_) metrics_->prefetch(index);
}

void FlowCache::add(Packet& packet, std::uint32_t hash) {
  clock_.advance(packet.time_ns);
  const FlowTable::Found found = table_.find(packet.key, hash);
  packet.direction = found.direction;
  FlowEntry* entry = continued(found.entry, packet, found.direction);
  if (entry == nullptr) {
    entry = &open(packet, hash);
  } else if (entry->state == EntryState::kDormant) {
    ++entry->flow.segment;
    open_segment(*entry, packet);
  }
  count(*entry, packet);
  if (classifier_ != nullptr) classifier_->inspect(*entry, packet);
  if (is_tcp(packet.key)) follow_tcp(*entry, packet);
  if (entry->flow.ends_now) return end(*entry, EndReason::kPlugin);
  table_.touch(*entry, clock_.now_ns());
}

// The entry that the packet goes on with, after ending what its time or a new connection ends; nullptr to start anew.
FlowEntry* FlowCache::continued(FlowEntry* entry, const Packet& packet, Direction direction) {
  if (entry == nullptr) return nullptr;
  if (is_new_connection(*entry, packet, direction)) {
    end(*entry, EndReason::kClosed);
    return nullptr;
  }
  if (entry->state != EntryState::kDormant && out_of_time(*entry, packet.time_ns)) {
    end(*entry, EndReason::kInactive);
    return nullptr;
  }
  // A segment may be cut and its dormant entry out of time too, at the same packet.
  for (Deadline due = deadline(*entry); packet.time_ns >= due.at_ns; due = deadline(*entry)) {
    const bool stays = entry->state == EntryState::kOpen && due.reason == EndReason::kActive;
    end(*entry, due.reason);
    if (!stays) return nullptr;
  }
  return entry;
}

bool FlowCache::is_new_connection(const FlowEntry& entry, const Packet& packet, Direction direction) const {
  if (entry.state != EntryState::kClosed || !has(packet, tcp::kSyn) || has(packet, tcp::kAck)) return false;
  const bool retransmitted =
      (entry.syn_seen & bit(direction)) != 0 && entry.initial_sequence[static_cast<int>(direction)] == packet.tcp_seq;
  return !retransmitted;
}

// A packet so much older than its flow's last that the record would span more than a timeout: the time of one of
// the two is wrong, and they are kept apart.
bool FlowCache::out_of_time(const FlowEntry& entry, std::uint64_t time_ns) const {
  return time_ns < entry.flow.end_ns &&
         (entry.flow.end_ns - time_ns >= inactive_timeout_ns_ || entry.flow.end_ns - time_ns >= active_timeout_ns_);
}

FlowCache::Deadline FlowCache::deadline(const FlowEntry& entry) const {
  const std::uint64_t inactive = entry.flow.end_ns + inactive_timeout_ns_;
  const std::uint64_t active = entry.flow.start_ns + active_timeout_ns_;
  switch (entry.state) {
    case EntryState::kDormant:
      return {inactive, EndReason::kInactive};
    case EntryState::kClosed:
      return {std::min({entry.closed_ns + tcp_linger_ns_, active, inactive}), EndReason::kClosed};
    case EntryState::kOpen:
      break;
  }
  return active < inactive ? Deadline{active, EndReason::kActive} : Deadline{inactive, EndReason::kInactive};
}

FlowEntry& FlowCache::open(Packet& packet, std::uint32_t hash) {
  if (table_.full()) evict();
  const bool answers = is_tcp(packet.key) && has(packet, tcp::kSyn | tcp::kAck);
  const bool swapped = answers && options_.direction == FlowDirection::kHandshake;
  packet.direction = swapped ? Direction::kDstToSrc : Direction::kSrcToDst;
  FlowEntry& entry = table_.insert(swapped ? reversed(packet.key) : packet.key, hash, clock_.now_ns());
  Flow& flow = entry.flow;
  flow.flow_id = make_flow_id(origin_.sensor_id, flow, packet.time_ns);
  flow.vlan_id = packet.vlan_id;
  flow.vlan_outer_id = packet.vlan_outer_id;
  if (packet.ethernet != nullptr) {
    std::copy_n(packet.ethernet, 6, (swapped ? flow.src_mac : flow.dst_mac).begin());
    std::copy_n(packet.ethernet + 6, 6, (swapped ? flow.dst_mac : flow.src_mac).begin());
  }
  flow.icmp_type = packet.icmp_type;
  flow.icmp_code = packet.icmp_code;
  flow.biflow_direction = BiflowDirection::kInitiator;
  if (is_tcp(packet.key) && !has(packet, tcp::kSyn)) flow.biflow_direction = BiflowDirection::kArbitrary;
  if (answers && !swapped) flow.biflow_direction = BiflowDirection::kReverseInitiator;
  if (features_) features_->start_flow(table_.index_of(entry));
  open_segment(entry, packet);
  return entry;
}

void FlowCache::open_segment(FlowEntry& entry, const Packet& packet) {
  entry.state = EntryState::kOpen;
  entry.flow.start_ns = entry.flow.end_ns = packet.time_ns;
  entry.flow.src_to_dst = {.tunnel_id = entry.flow.src_to_dst.tunnel_id};
  entry.flow.dst_to_src = {.tunnel_id = entry.flow.dst_to_src.tunnel_id};
  const std::uint32_t index = table_.index_of(entry);
  table_.by_opening().push_back(index);
  if (features_) features_->start_segment(index);
  if (metrics_) metrics_->start_segment(index, entry.flow);
  counters_.add(Counter::kFlowsOpened);
  counters_.add(Counter::kFlowsOpen);
}

void FlowCache::count(FlowEntry& entry, Packet& packet) {
  Flow& flow = entry.flow;
  const std::uint64_t before_ns = flow.end_ns;
  if (packet.time_ns < flow.end_ns) counters_.add(Counter::kPacketsTimeBackwards);
  flow.start_ns = std::min(flow.start_ns, packet.time_ns);
  flow.end_ns = std::max(flow.end_ns, packet.time_ns);
  FlowSide& side = flow.side(packet.direction);
  if (side.pkts == 0) {
    side.start_ns = packet.time_ns;
    side.dscp = packet.dscp;
    side.ttl_min = packet.ttl;
  }
  side.start_ns = std::min(side.start_ns, packet.time_ns);
  side.end_ns = std::max(side.end_ns, packet.time_ns);
  side.ttl_min = std::min(side.ttl_min, packet.ttl);
  side.ttl_max = std::max(side.ttl_max, packet.ttl);
  ++side.pkts;
  const std::uint64_t octets = accounted(packet);
  side.bytes += octets;
  if (features_) features_->add(table_.index_of(entry), packet, octets);
  side.link_bytes += packet.size;
  side.ip_bytes += packet.ip_size;
  side.tcp_flags |= packet.tcp_flags;
  side.tunnel_id = packet.tunnel_id;
  if (!metrics_) return;
  packet.gap_ns = packet.time_ns - std::min(packet.time_ns, before_ns);
  metrics_->add(table_.index_of(entry), packet, flow);
}

std::uint64_t FlowCache::accounted(const Packet& packet) const {
  switch (options_.accounting) {
    case Accounting::kLink:
      return packet.size;
    case Accounting::kIp:
      return packet.ip_size;
    case Accounting::kTransport:
      return packet.transport_size;
    case Accounting::kPayload:
      return packet.payload_size;
  }
  return 0;
}

void FlowCache::follow_tcp(FlowEntry& entry, const Packet& packet) {
  if (has(packet, tcp::kSyn)) {
    entry.initial_sequence[static_cast<int>(packet.direction)] = packet.tcp_seq;
    entry.syn_seen |= bit(packet.direction);
  }
  if (!options_.tcp_close || entry.state != EntryState::kOpen) return;
  if (has(packet, tcp::kFin)) entry.fin_seen |= bit(packet.direction);
  if (!has(packet, tcp::kRst) && entry.fin_seen != 3) return;
  entry.state = EntryState::kClosed;
  entry.closed_ns = packet.time_ns;
  const std::uint32_t index = table_.index_of(entry);
  table_.by_opening().remove(index);
  table_.by_close().push_back(index);
}

void FlowCache::sweep(std::uint64_t now_ns, int budget) {
  clock_.advance(now_ns);
  for (; budget > 0 && !writer_.nearly_full(); --budget) {
    const bool ended = sweep_front(table_.by_close(), now_ns) || sweep_front(table_.by_opening(), now_ns) ||
                       sweep_front(table_.by_use(), now_ns);
    if (!ended) return;
  }
}

// Ends the first flow of a list if its time has come. In the order of use that is also so when the table's clock says
// that it has had no packet for long enough while its own last packet claims a time ahead of that clock.
bool FlowCache::sweep_front(EntryList& list, std::uint64_t now_ns) {
  if (list.empty()) return false;
  FlowEntry& entry = table_.at(list.front());
  const Deadline due = deadline(entry);
  const bool untouched =
      &list == &table_.by_use() && entry.flow.end_ns > now_ns && entry.touched_ns + inactive_timeout_ns_ <= now_ns;
  if (due.at_ns > now_ns && !untouched) return false;
  end(entry, due.reason);
  return true;
}

void FlowCache::end_all(std::uint64_t now_ns) {
  for (EntryList* list : {&table_.by_close(), &table_.by_opening(), &table_.by_use()}) {
    for (std::uint32_t at = list->front(); at != kNoIndex;) {
      FlowEntry& entry = table_.at(at);
      at = list->after(at);
      const Deadline due = deadline(entry);
      if (due.at_ns <= now_ns) end(entry, due.reason);
    }
  }
  while (!table_.by_use().empty()) {
    FlowEntry& entry = table_.at(table_.by_use().front());
    end(entry, entry.state == EntryState::kClosed ? EndReason::kClosed : EndReason::kCaptureEnd);
  }
  clock_ = {};
}

void FlowCache::evict() {
  FlowEntry& entry = table_.at(table_.by_use().front());
  end(entry, entry.state == EntryState::kClosed ? EndReason::kClosed : EndReason::kEvicted);
}

// Ends the segment; the entry stays, dormant, only after an active cut.
void FlowCache::end(FlowEntry& entry, EndReason reason) {
  const std::uint32_t index = table_.index_of(entry);
  if (entry.state == EntryState::kOpen) table_.by_opening().remove(index);
  if (entry.state == EntryState::kClosed) table_.by_close().remove(index);
  if (entry.state != EntryState::kDormant) write_record(entry, reason);
  if (entry.state == EntryState::kOpen && reason == EndReason::kActive) {
    entry.state = EntryState::kDormant;
  } else {
    forget(entry);
  }
}

void FlowCache::write_record(FlowEntry& entry, EndReason reason) {
  const bool ends_flow = reason != EndReason::kActive;
  if (classifier_ != nullptr) classifier_->conclude(entry, ends_flow);
  counters_.subtract(Counter::kFlowsOpen);
  counters_.add(static_cast<Counter>(static_cast<int>(Counter::kExportedInactive) + static_cast<int>(reason)));
  counters_.add(Counter::kRecordsExported);
  if (metrics_) metrics_->end_segment(table_.index_of(entry), entry.flow);
  const auto [record, extras, metrics] = writer_.next();
  if (record == nullptr) {
    counters_.add(Counter::kRecordsRingDropped);
    return;
  }
  static_cast<Flow&>(*record) = entry.flow;
  record->end_reason = reason;
  record->sensor_id = origin_.sensor_id;
  record->worker = origin_.worker;
  record->timestamp_source = origin_.timestamp_source;
  record->community_id_seed = origin_.community_id_seed;
  record->has_application = classifier_ != nullptr;
  if (classifier_ != nullptr) classifier_->describe(entry, *record, extras);
  if (features_) features_->describe(table_.index_of(entry), *extras);
  record->extras = extras == nullptr || extras->empty() ? ExtrasView{} : ExtrasView{*extras};
  if (metrics_) record->metrics = metrics_->copy_values(table_.index_of(entry), metrics);
}

void FlowCache::forget(FlowEntry& entry) {
  if (classifier_ != nullptr) classifier_->release(entry);
  table_.erase(entry);
}

}  // namespace spanflow

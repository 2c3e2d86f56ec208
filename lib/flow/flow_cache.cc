#include "flow/flow_cache.h"

#include <algorithm>

namespace spanflow {
namespace {

bool has(const Packet& packet, std::uint8_t flags) { return (packet.tcp_flags & flags) == flags; }

bool is_tcp(const FlowKey& key) { return key.ip_protocol == protocol::kTcp; }

// Adds `more` to the lower 32 bits of a count. Returns true if the upper bits must be incremented.
bool add_to(std::uint32_t& count, std::uint32_t more) {
  count += more;
  return count < more;
}

// While flows on probation hold more than a quarter of the table, only flows on probation are evicted. During a flood
// of new flows, this quarter gives each new flow time to become a conversation. With the default 128,000 flows and
// 100,000 new flows/s, this time is 320 ms, which is longer than most round trips.
constexpr std::uint32_t kProbationPart = 4;

std::uint32_t share_of_capacity(const Config& config) {
  return static_cast<std::uint32_t>(
      std::max<std::uint64_t>(1, (config.flow.capacity + config.workers - 1) / config.workers));
}

}  // namespace

FlowCache::FlowCache(const Config& config, std::uint64_t hash_seed, const RecordOrigin& origin, Classifier* classifier,
                     const MetricSet& metrics, RecordWriter& writer, Counters& counters)
    : options_(config.flow),
      timeouts_(config.flow.active_timeout, config.flow.inactive_timeout, config.flow.tcp_linger),
      origin_(origin),
      classifier_(classifier),
      writer_(writer),
      counters_(counters),
      table_(share_of_capacity(config), hash_seed, config.flow.accounting) {
  if (Features::any(config.features)) features_.emplace(config.features, share_of_capacity(config), counters);
  if (!metrics.empty()) metrics_.emplace(metrics, share_of_capacity(config), counters);
}

void FlowCache::set_timeouts(const Adjustments& adjustments) {
  timeouts_ = FlowTimeouts(adjustments.active_timeout, adjustments.inactive_timeout, adjustments.tcp_linger);
}

void FlowCache::prefetch(std::uint32_t hash) const {
  const std::uint32_t index = table_.prefetch_entry(hash);
  if (index == kNoIndex) return;
  if (features_) features_->prefetch(index);
  if (metrics_) metrics_->prefetch(index);
}

bool FlowCache::add(Packet& packet, std::uint32_t hash, std::optional<Direction> after) {
  clock_.advance(packet.time_ns);
  find(packet, hash, after);
  packet.direction = latest_.direction;
  FlowEntry* entry = latest_.entry;
  if (entry == nullptr || !timeouts_.simply_continues(*entry, packet.time_ns)) {
    entry = continued(entry, packet, packet.direction);
  }
  if (entry == nullptr) {
    if (is_sampled_out(hash)) [[unlikely]]
      return false;
    entry = &open(packet, hash);
  } else {
    if (begins_conversation(*entry, packet.direction)) table_.begin_conversation(*entry, clock_.now_ns());
    if (entry->state == EntryState::kDormant) {
      table_.next_segment(*entry);
      open_segment(*entry, packet);
    }
  }
  count(*entry, packet);
  if (classifier_ != nullptr) {
    classifier_->inspect(entry->inspection, entry->hello, table_.details(*entry).initial_sequence, entry->syn_seen,
                         packet);
  }
  if (is_tcp(packet.key)) follow_tcp(*entry, packet);
  if (entry->ends_now) {
    end(*entry, EndReason::kPlugin);
  } else {
    table_.touch(*entry, clock_.now_ns());
  }
  return true;
}

void FlowCache::find(const Packet& packet, std::uint32_t hash, std::optional<Direction> after) {
  if (!after || latest_.entry == nullptr) {
    latest_ = table_.find(packet.key, hash);
  } else if (*after == Direction::kDstToSrc) {
    latest_.direction = reversed(latest_.direction);
  }
}

// Returns the entry that the packet continues, or nullptr if the packet begins a flow. Before that, ends the segment or
// the flow if a timeout has passed or the packet opens a new connection.
FlowEntry* FlowCache::continued(FlowEntry* entry, const Packet& packet, Direction direction) {
  if (entry == nullptr) return nullptr;
  if (is_new_connection(*entry, packet, direction)) {
    end(*entry, EndReason::kClosed);
    return nullptr;
  }
  if (entry->state != EntryState::kDormant && timeouts_.is_too_old(*entry, packet.time_ns)) {
    end(*entry, EndReason::kInactive);
    return nullptr;
  }
  // The packet may come after two deadlines: first the deadline of the segment, then the deadline of the dormant entry.
  for (Deadline due = deadline(*entry); packet.time_ns >= due.at_ns; due = deadline(*entry)) {
    const bool stays = FlowTimeouts::becomes_dormant(entry->state, due.reason);
    end(*entry, due);
    if (!stays) return nullptr;
  }
  return entry;
}

bool FlowCache::is_new_connection(const FlowEntry& entry, const Packet& packet, Direction direction) const {
  if (entry.state != EntryState::kClosed || !has(packet, tcp::kSyn) || has(packet, tcp::kAck)) return false;
  const bool retransmitted = (entry.syn_seen & direction_bit(direction)) != 0 &&
                             table_.details(entry).initial_sequence[direction_index(direction)] == packet.tcp_seq;
  return !retransmitted;
}

// True if src sends a packet after dst has answered. An answer alone does not make a conversation: a server under a SYN
// flood answers each packet, and so do the hosts that a scan reaches. A dormant entry still has the counts of its last
// segment.
bool FlowCache::begins_conversation(const FlowEntry& entry, Direction direction) {
  return !entry.is_conversation && direction == Direction::kSrcToDst && entry.sides[1].has_packets() &&
         entry.state != EntryState::kClosed;
}

FlowEntry& FlowCache::open(Packet& packet, std::uint32_t hash) {
  if (table_.full()) make_room();
  const bool answers = is_tcp(packet.key) && has(packet, tcp::kSyn | tcp::kAck);
  const bool swapped = answers && options_.direction == FlowDirection::kHandshake;
  packet.direction = swapped ? Direction::kDstToSrc : Direction::kSrcToDst;
  FlowEntry& entry = table_.insert(swapped ? reversed(packet.key) : packet.key, hash, clock_.now_ns());
  FlowDetails& details = table_.details(entry);
  details.set_flow_id(make_flow_id(origin_.sensor_id, entry.key, packet.time_ns));
  if ((packet.vlan_id | packet.vlan_outer_id) != 0) {
    table_.tags(entry) = {.vlan_id = packet.vlan_id, .vlan_outer_id = packet.vlan_outer_id};
  }
  if (packet.ethernet != nullptr) {
    std::copy_n(packet.ethernet, 6, (swapped ? details.src_mac : details.dst_mac).begin());
    std::copy_n(packet.ethernet + 6, 6, (swapped ? details.dst_mac : details.src_mac).begin());
  }
  if (!is_tcp(packet.key)) details.icmp = {.type = packet.icmp_type, .code = packet.icmp_code};
  entry.biflow_direction = BiflowDirection::kInitiator;
  if (is_tcp(packet.key) && !has(packet, tcp::kSyn)) entry.biflow_direction = BiflowDirection::kArbitrary;
  if (answers && !swapped) entry.biflow_direction = BiflowDirection::kReverseInitiator;
  if (features_stopped_ || sampling_shift_ > 0) [[unlikely]]
    note_overload(entry);
  if (keeps_features(entry)) features_->start_flow(table_.index_of(entry));
  open_segment(entry, packet);
  return entry;
}

// Stores what overload leaves out of this flow. User metrics are never left out, because the user has configured the
// sensor for them.
void FlowCache::note_overload(FlowEntry& entry) {
  LoadShedding& load_shedding = table_.load_shedding(entry);
  load_shedding.features = features_stopped_ ? 1 : 0;
  load_shedding.sampling_shift = sampling_shift_;
  if (features_stopped_) counters_.add(Counter::kOverloadFeaturesStopped);
  if (sampling_shift_ > 0) counters_.add(Counter::kOverloadSampled);
}

void FlowCache::open_segment(FlowEntry& entry, const Packet& packet) {
  entry.state = EntryState::kOpen;
  table_.start_segment(entry);
  const std::uint32_t index = table_.index_of(entry);
  table_.by_opening().push_back(index);
  if (keeps_features(entry)) features_->start_segment(index);
  if (metrics_) start_metrics(entry, packet.time_ns);
  counters_.add(Counter::kFlowsOpened);
  counters_.add(Counter::kFlowsOpen);
}

void FlowCache::count(FlowEntry& entry, Packet& packet) {
  const bool is_first = metrics_ && !entry.has_packets();
  const std::uint64_t before_ns = entry.end_ns();
  if (packet.time_ns < before_ns) counters_.add(Counter::kPacketsTimeBackwards);
  SideState& side = entry.side(packet.direction);
  if (!side.has_packets()) side.dscp = packet.dscp;
  side.start_ns = std::min(side.start_ns, packet.time_ns);
  side.end_ns = std::max(side.end_ns, packet.time_ns);
  side.ttl_min = std::min(side.ttl_min, packet.ttl);
  side.ttl_max = std::max(side.ttl_max, packet.ttl);
  side.tcp_flags |= packet.tcp_flags;
  const bool pkts = add_to(side.pkts, 1);
  const bool link_octets = add_to(side.link_octets, packet.size);
  const bool ip_octets = add_to(side.ip_octets, packet.ip_size);
  if (pkts || link_octets || ip_octets) [[unlikely]]
    carry(entry, packet.direction, pkts, link_octets, ip_octets);
  if (packet.tunnel_id != 0 || entry.has_tunnel_ids) {
    table_.tunnel_ids(entry).sides[direction_index(packet.direction)] = packet.tunnel_id;
  }
  count_apart(entry, packet);
  if (!metrics_) return;
  packet.gap_ns = is_first ? 0 : packet.time_ns - std::min(packet.time_ns, before_ns);
  add_to_metrics(entry, packet, is_first);
}

void FlowCache::carry(FlowEntry& entry, Direction direction, bool pkts, bool link_octets, bool ip_octets) {
  CounterHighBits::Side& side = table_.high_bits(entry).sides[direction_index(direction)];
  side.pkts += pkts ? 1 : 0;
  side.link_octets += link_octets ? 1 : 0;
  side.ip_octets += ip_octets ? 1 : 0;
}

// Updates the counts that only some configurations have.
void FlowCache::count_apart(const FlowEntry& entry, const Packet& packet) {
  if (!features_ && !table_.keeps_accounted_octets()) return;
  const std::uint64_t octets = accounted(packet);
  if (table_.keeps_accounted_octets()) table_.add_accounted_octets(entry, packet.direction, octets);
  if (keeps_features(entry)) features_->add(table_.index_of(entry), packet, octets);
}

void FlowCache::start_metrics(FlowEntry& entry, std::uint64_t first_packet_ns) {
  const std::uint32_t index = table_.index_of(entry);
  if (!metrics_->see_flows()) return metrics_->start_segment(index);
  Flow& flow = metrics_->flow(index);
  table_.read(entry, flow);
  flow.start_ns = flow.end_ns = first_packet_ns;
  metrics_->start_segment(index);
  entry.ends_now = flow.ends_now;
}

// Updates only those members of the Flow that a packet changes.
void FlowCache::add_to_metrics(FlowEntry& entry, const Packet& packet, bool is_first) {
  const std::uint32_t index = table_.index_of(entry);
  if (!metrics_->see_flows()) return metrics_->add(index, packet, is_first);
  Flow& flow = metrics_->flow(index);
  flow.start_ns = entry.start_ns();
  flow.end_ns = entry.end_ns();
  table_.read(entry, packet.direction, flow.side(packet.direction));
  metrics_->add(index, packet, is_first);
  entry.ends_now = flow.ends_now;
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
    table_.details(entry).initial_sequence[direction_index(packet.direction)] = packet.tcp_seq;
    entry.syn_seen |= direction_bit(packet.direction);
  }
  if (!options_.tcp_close || entry.state != EntryState::kOpen) return;
  if (has(packet, tcp::kFin)) entry.fin_seen |= direction_bit(packet.direction);
  if (!has(packet, tcp::kRst) && entry.fin_seen != kBothDirections) return;
  entry.state = EntryState::kClosed;
  table_.details(entry).set_closed(FlowTimeouts::close_time(entry, packet.time_ns));
  const std::uint32_t index = table_.index_of(entry);
  table_.by_opening().remove(index);
  table_.by_close().push_back(index);
}

void FlowCache::relieve(const Overload& overload) {
  if (classifier_ != nullptr) classifier_->lower_budget(overload.level() >= OverloadLevel::kLessDpi);
  features_stopped_ = features_ && overload.level() >= OverloadLevel::kFewerFeatures;
  sampling_shift_ = overload.sampling_shift();
}

bool FlowCache::sweep(std::uint64_t now_ns, int budget) {
  clock_.advance(now_ns);
  bool any = false;
  for (; budget > 0 && !writer_.nearly_full(); --budget) {
    const bool ended = sweep_front(table_.by_close(), now_ns) || sweep_front(table_.by_opening(), now_ns) ||
                       sweep_front(table_.on_probation(), now_ns) || sweep_front(table_.conversations(), now_ns);
    if (!ended) break;
    any = true;
  }
  return any;
}

// Ends the first flow of `list` if its deadline has passed. Also ends the flow if a packet with a wrong time, far
// ahead, has postponed the deadline.
bool FlowCache::sweep_front(IndexList& list, std::uint64_t now_ns) {
  if (list.empty()) return false;
  FlowEntry& entry = table_.at(list.front());
  const Deadline due = deadline(entry);
  const bool in_order_of_use = &list == &table_.on_probation() || &list == &table_.conversations();
  const bool stuck =
      in_order_of_use && timeouts_.is_stuck_ahead(entry, FlowTable::touched_ns(entry, clock_.now_ns()), now_ns);
  if (due.at_ns > now_ns && !stuck) return false;
  end(entry, due);
  return true;
}

void FlowCache::end_all(std::uint64_t now_ns) {
  for (IndexList* list : {&table_.by_close(), &table_.by_opening(), &table_.on_probation(), &table_.conversations()}) {
    for (std::uint32_t at = list->front(); at != kNoIndex;) {
      FlowEntry& entry = table_.at(at);
      at = list->after(at);
      const Deadline due = deadline(entry);
      if (due.at_ns <= now_ns) end(entry, due);
    }
  }
  while (table_.size() > 0) {
    FlowEntry& entry = table_.at(table_.least_recently_used(clock_.now_ns()));
    end(entry, FlowTimeouts::early_end(entry.state, EndReason::kCaptureEnd));
  }
  clock_ = {};
}

void FlowCache::make_room() {
  FlowEntry& entry = table_.at(victim());
  if (entry.state == EntryState::kOpen) {
    const std::uint64_t now_ns = clock_.now_ns();
    counters_.set(Counter::kFlowsEvictedIdle, now_ns - std::min(now_ns, entry.end_ns()));
  }
  end(entry, FlowTimeouts::early_end(entry.state, EndReason::kEvicted));
}

// Returns the index of the flow to evict. While flows on probation hold more than their part of the table, this is the
// least recently used flow on probation. Otherwise it is the flow that closed first, or, without closed flows, the
// least recently used flow. If a span port delivers only one direction, no flow becomes a conversation, so the first
// case always applies.
std::uint32_t FlowCache::victim() {
  const IndexList& on_probation = table_.on_probation();
  if (on_probation.size() > table_.capacity() / kProbationPart) return on_probation.front();
  return table_.by_close().empty() ? table_.least_recently_used(clock_.now_ns()) : table_.by_close().front();
}

void FlowCache::end(FlowEntry& entry, EndReason reason) { end(entry, {.at_ns = kNotDue, .reason = reason}); }

// Ends the segment, if there is one, and writes its record. After an active timeout, the entry stays as a dormant
// entry. Otherwise the entry is erased.
void FlowCache::end(FlowEntry& entry, const Deadline& due) {
  const std::uint32_t index = table_.index_of(entry);
  if (entry.state == EntryState::kOpen) table_.by_opening().remove(index);
  if (entry.state == EntryState::kClosed) table_.by_close().remove(index);
  if (entry.state != EntryState::kDormant) write_record(entry, due);
  if (FlowTimeouts::becomes_dormant(entry.state, due.reason)) {
    entry.state = EntryState::kDormant;
  } else {
    forget(entry);
  }
}

void FlowCache::write_record(FlowEntry& entry, const Deadline& due) {
  const EndReason reason = due.reason;
  const bool ends_flow = reason != EndReason::kActive;
  Verdict verdict;
  if (classifier_ != nullptr) verdict = classifier_->conclude(entry.inspection, entry.key, ends_flow);
  counters_.subtract(Counter::kFlowsOpen);
  counters_.add(exported_counter(reason));
  counters_.add(Counter::kRecordsExported);
  if (metrics_) metrics_->end_segment(table_.index_of(entry));
  const auto [record, due_ns, extras, metrics] = writer_.next();
  if (record == nullptr) {
    counters_.add(Counter::kRecordsRingDropped);
    return;
  }
  // Records of a capture file have no due time, because nobody waits for them.
  *due_ns = origin_.timestamp_source == TimestampSource::kFile ? kNotDue : due.at_ns;
  table_.read(entry, *record);
  record->end_reason = reason;
  record->sensor_id = origin_.sensor_id;
  record->worker = origin_.worker;
  record->timestamp_source = origin_.timestamp_source;
  record->community_id_seed = origin_.community_id_seed;
  record->has_application = classifier_ != nullptr;
  if (classifier_ != nullptr) classifier_->describe(entry.inspection, verdict, *record, extras);
  if (keeps_features(entry)) {
    features_->describe(table_.index_of(entry), *extras);
  } else if (features_) {
    Features::describe_nothing(*extras);
  }
  record->extras = extras == nullptr || extras->empty() ? ExtrasView{} : ExtrasView{*extras};
  if (metrics_) record->metrics = metrics_->copy_values(table_.index_of(entry), metrics);
}

void FlowCache::forget(FlowEntry& entry) {
  if (classifier_ != nullptr) classifier_->release(entry.inspection, entry.hello);
  table_.erase(entry);
  latest_.entry = nullptr;
}

}  // namespace spanflow

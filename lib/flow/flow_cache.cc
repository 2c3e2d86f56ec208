#include "flow/flow_cache.h"

#include <algorithm>

namespace spanflow {
namespace {

std::uint64_t nanoseconds(Nanoseconds duration) { return static_cast<std::uint64_t>(duration.count()); }

std::uint8_t bit(Direction direction) { return direction == Direction::kSrcToDst ? 1 : 2; }

bool has(const Packet& packet, std::uint8_t flags) { return (packet.tcp_flags & flags) == flags; }

bool is_tcp(const FlowKey& key) { return key.ip_protocol == protocol::kTcp; }

// Adds to the lower half of a count; true if it has passed its end.
bool add_to(std::uint32_t& count, std::uint32_t more) {
  count += more;
  return count < more;
}

std::uint64_t whole(std::uint32_t upper, std::uint32_t lower) { return std::uint64_t{upper} << 32 | lower; }

// A closed flow is not followed for longer than its entry can tell: half, so that packets may also come late.
constexpr std::uint64_t kMostLinger = FlowDetails::kMostSinceClose / 2;

std::uint64_t linger_ns(Nanoseconds linger) { return std::min(nanoseconds(linger), kMostLinger); }

// The share of the table that flows on probation may hold at least, as its inverse. It is where a new flow waits to
// become a conversation while a flood passes through: with a quarter of the default 128,000 flows, for 320 ms at
// 100,000 flows/s, which is longer than most round trips.
constexpr std::uint32_t kProbationPart = 4;

bool is_kept_apart(Accounting accounting) {
  return accounting == Accounting::kTransport || accounting == Accounting::kPayload;
}

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
      tcp_linger_ns_(linger_ns(config.flow.tcp_linger)),
      origin_(origin),
      classifier_(classifier),
      writer_(writer),
      counters_(counters),
      table_(share_of_capacity(config), hash_seed),
      accounted_(is_kept_apart(config.flow.accounting) ? share_of_capacity(config) : 0) {
  if (Features::any(config.features)) features_.emplace(config.features, share_of_capacity(config), counters);
  if (!metrics.empty()) metrics_.emplace(metrics, share_of_capacity(config), counters);
}

void FlowCache::set_timeouts(const Adjustments& adjustments) {
  active_timeout_ns_ = nanoseconds(adjustments.active_timeout);
  inactive_timeout_ns_ = nanoseconds(adjustments.inactive_timeout);
  tcp_linger_ns_ = linger_ns(adjustments.tcp_linger);
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
  if (entry == nullptr || !simply_continues(*entry, packet.time_ns)) entry = continued(entry, packet, packet.direction);
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
  if (classifier_ != nullptr) classifier_->inspect(*entry, table_.details(*entry), packet);
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

// What nearly every packet does: its segment is open, and no time has run out.
bool FlowCache::simply_continues(const FlowEntry& entry, std::uint64_t time_ns) const {
  const std::uint64_t end_ns = entry.end_ns();
  return entry.state == EntryState::kOpen && time_ns >= end_ns && time_ns - end_ns < inactive_timeout_ns_ &&
         time_ns - entry.start_ns() < active_timeout_ns_;
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
    end(*entry, due);
    if (!stays) return nullptr;
  }
  return entry;
}

bool FlowCache::is_new_connection(const FlowEntry& entry, const Packet& packet, Direction direction) const {
  if (entry.state != EntryState::kClosed || !has(packet, tcp::kSyn) || has(packet, tcp::kAck)) return false;
  const bool retransmitted =
      (entry.syn_seen & bit(direction)) != 0 &&
      table_.details(entry).initial_sequence[static_cast<std::size_t>(direction)] == packet.tcp_seq;
  return !retransmitted;
}

// A packet so much older than its flow's last that the record would span more than a timeout: the time of one of
// the two is wrong, and they are kept apart.
bool FlowCache::out_of_time(const FlowEntry& entry, std::uint64_t time_ns) const {
  const std::uint64_t end_ns = entry.end_ns();
  return time_ns < end_ns && (end_ns - time_ns >= inactive_timeout_ns_ || end_ns - time_ns >= active_timeout_ns_);
}

// The first sender goes on after the other side has answered. An answer alone does not make a conversation: a server
// under a SYN flood, and the hosts that a scan meets, give it to each packet. A dormant entry still has the packets of
// its last segment.
bool FlowCache::begins_conversation(const FlowEntry& entry, Direction direction) {
  return !entry.is_conversation && direction == Direction::kSrcToDst && entry.sides[1].has_packets() &&
         entry.state != EntryState::kClosed;
}

FlowCache::Deadline FlowCache::deadline(const FlowEntry& entry) const {
  const std::uint64_t end_ns = entry.end_ns();
  const std::uint64_t inactive = end_ns + inactive_timeout_ns_;
  const std::uint64_t active = entry.start_ns() + active_timeout_ns_;
  switch (entry.state) {
    case EntryState::kDormant:
      return {inactive, EndReason::kInactive};
    case EntryState::kClosed:
      return {std::min({table_.details(entry).closed_ns(end_ns) + tcp_linger_ns_, active, inactive}),
              EndReason::kClosed};
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

// User metrics go on whatever happens: they are what a user set up the sensor for.
void FlowCache::note_overload(FlowEntry& entry) {
  LoadShedding& load_shedding = table_.load_shedding(entry);
  load_shedding.features = features_stopped_ ? 1 : 0;
  load_shedding.sampling_shift = sampling_shift_;
  if (features_stopped_) counters_.add(Counter::kOverloadFeaturesStopped);
  if (sampling_shift_ > 0) counters_.add(Counter::kOverloadSampled);
}

bool FlowCache::keeps_features(const FlowEntry& entry) const {
  if (!features_) return false;
  const LoadShedding* load_shedding = table_.find_load_shedding(entry);
  return load_shedding == nullptr || load_shedding->features == 0;
}

void FlowCache::open_segment(FlowEntry& entry, const Packet& packet) {
  entry.state = EntryState::kOpen;
  entry.sides[0] = entry.sides[1] = {};
  if (entry.has_high_bits) std::fill_n(table_.high_bits(entry).sides, 2, CounterHighBits::Side{});
  const std::uint32_t index = table_.index_of(entry);
  if (accounted_.size() > 0) accounted_[index] = {};
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
    table_.tunnel_ids(entry).sides[static_cast<int>(packet.direction)] = packet.tunnel_id;
  }
  count_apart(entry, packet);
  if (!metrics_) return;
  packet.gap_ns = is_first ? 0 : packet.time_ns - std::min(packet.time_ns, before_ns);
  add_to_metrics(entry, packet, is_first);
}

void FlowCache::carry(FlowEntry& entry, Direction direction, bool pkts, bool link_octets, bool ip_octets) {
  CounterHighBits::Side& side = table_.high_bits(entry).sides[static_cast<int>(direction)];
  side.pkts += pkts ? 1 : 0;
  side.link_octets += link_octets ? 1 : 0;
  side.ip_octets += ip_octets ? 1 : 0;
}

// What is kept in arrays of its own, if at all.
void FlowCache::count_apart(const FlowEntry& entry, const Packet& packet) {
  if (!features_ && accounted_.size() == 0) return;
  const std::uint32_t index = table_.index_of(entry);
  const std::uint64_t octets = accounted(packet);
  if (accounted_.size() > 0) accounted_[index].sides[static_cast<int>(packet.direction)] += octets;
  if (keeps_features(entry)) features_->add(index, packet, octets);
}

void FlowCache::start_metrics(FlowEntry& entry, std::uint64_t first_packet_ns) {
  const std::uint32_t index = table_.index_of(entry);
  if (!metrics_->see_flows()) return metrics_->start_segment(index);
  Flow& flow = metrics_->flow(index);
  describe(entry, flow);
  flow.start_ns = flow.end_ns = first_packet_ns;
  metrics_->start_segment(index);
  entry.ends_now = flow.ends_now;
}

// What the packet has changed in the flow that their code sees is brought up to date, and no more.
void FlowCache::add_to_metrics(FlowEntry& entry, const Packet& packet, bool is_first) {
  const std::uint32_t index = table_.index_of(entry);
  if (!metrics_->see_flows()) return metrics_->add(index, packet, is_first);
  Flow& flow = metrics_->flow(index);
  flow.start_ns = entry.start_ns();
  flow.end_ns = entry.end_ns();
  describe(entry, packet.direction, flow.side(packet.direction));
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
    table_.details(entry).initial_sequence[static_cast<std::size_t>(packet.direction)] = packet.tcp_seq;
    entry.syn_seen |= bit(packet.direction);
  }
  if (!options_.tcp_close || entry.state != EntryState::kOpen) return;
  if (has(packet, tcp::kFin)) entry.fin_seen |= bit(packet.direction);
  if (!has(packet, tcp::kRst) && entry.fin_seen != 3) return;
  entry.state = EntryState::kClosed;
  // A packet that comes later than an entry can tell counts as one that comes just as late as that.
  table_.details(entry).set_closed(std::max(packet.time_ns, entry.end_ns() - std::min(entry.end_ns(), kMostLinger)));
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

// Ends the first flow of a list if its time has come. In an order of use that is also so when the table's clock says
// that it has had no packet for long enough while its own last packet claims a time ahead by more than the timeout:
// packets handed over by other workers may be ahead of the time that all have reached, but only by little.
bool FlowCache::sweep_front(EntryList& list, std::uint64_t now_ns) {
  if (list.empty()) return false;
  FlowEntry& entry = table_.at(list.front());
  const Deadline due = deadline(entry);
  const bool in_order_of_use = &list == &table_.on_probation() || &list == &table_.conversations();
  const bool untouched = in_order_of_use && entry.end_ns() > now_ns + inactive_timeout_ns_ &&
                         FlowTable::touched_ns(entry, clock_.now_ns()) + inactive_timeout_ns_ <= now_ns;
  if (due.at_ns > now_ns && !untouched) return false;
  end(entry, due);
  return true;
}

void FlowCache::end_all(std::uint64_t now_ns) {
  for (EntryList* list : {&table_.by_close(), &table_.by_opening(), &table_.on_probation(), &table_.conversations()}) {
    for (std::uint32_t at = list->front(); at != kNoIndex;) {
      FlowEntry& entry = table_.at(at);
      at = list->after(at);
      const Deadline due = deadline(entry);
      if (due.at_ns <= now_ns) end(entry, due);
    }
  }
  while (table_.size() > 0) {
    FlowEntry& entry = table_.at(table_.least_recently_used(clock_.now_ns()));
    end(entry, entry.state == EntryState::kClosed ? EndReason::kClosed : EndReason::kCaptureEnd);
  }
  clock_ = {};
}

void FlowCache::evict() {
  FlowEntry& entry = table_.at(victim());
  if (entry.state == EntryState::kOpen) {
    const std::uint64_t now_ns = clock_.now_ns();
    counters_.set(Counter::kFlowsEvictedIdle, now_ns - std::min(now_ns, entry.end_ns()));
  }
  end(entry, entry.state == EntryState::kClosed ? EndReason::kClosed : EndReason::kEvicted);
}

// Conversations make room only once the others do not hold more than their share, and then those that have closed are
// the first. Where nothing is a conversation, as on a span port that shows one direction only, it is the least recently
// used flow.
std::uint32_t FlowCache::victim() {
  const EntryList& on_probation = table_.on_probation();
  if (on_probation.size() > table_.capacity() / kProbationPart) return on_probation.front();
  return table_.by_close().empty() ? table_.least_recently_used(clock_.now_ns()) : table_.by_close().front();
}

void FlowCache::end(FlowEntry& entry, EndReason reason) { end(entry, {.at_ns = kNotDue, .reason = reason}); }

// Ends the segment; the entry stays, dormant, only after an active cut.
void FlowCache::end(FlowEntry& entry, const Deadline& due) {
  const std::uint32_t index = table_.index_of(entry);
  if (entry.state == EntryState::kOpen) table_.by_opening().remove(index);
  if (entry.state == EntryState::kClosed) table_.by_close().remove(index);
  if (entry.state != EntryState::kDormant) write_record(entry, due);
  if (entry.state == EntryState::kOpen && due.reason == EndReason::kActive) {
    entry.state = EntryState::kDormant;
  } else {
    forget(entry);
  }
}

void FlowCache::write_record(FlowEntry& entry, const Deadline& due) {
  const EndReason reason = due.reason;
  const bool ends_flow = reason != EndReason::kActive;
  Verdict verdict;
  if (classifier_ != nullptr) verdict = classifier_->conclude(entry, ends_flow);
  counters_.subtract(Counter::kFlowsOpen);
  counters_.add(exported_counter(reason));
  counters_.add(Counter::kRecordsExported);
  if (metrics_) metrics_->end_segment(table_.index_of(entry));
  const auto [record, due_ns, extras, metrics] = writer_.next();
  if (record == nullptr) {
    counters_.add(Counter::kRecordsRingDropped);
    return;
  }
  // Of a capture file, only the packets' times are known, and nobody waits for them.
  *due_ns = origin_.timestamp_source == TimestampSource::kFile ? kNotDue : due.at_ns;
  describe(entry, *record);
  record->end_reason = reason;
  record->sensor_id = origin_.sensor_id;
  record->worker = origin_.worker;
  record->timestamp_source = origin_.timestamp_source;
  record->community_id_seed = origin_.community_id_seed;
  record->has_application = classifier_ != nullptr;
  if (classifier_ != nullptr) classifier_->describe(entry, verdict, *record, extras);
  if (keeps_features(entry)) {
    features_->describe(table_.index_of(entry), *extras);
  } else if (features_) {
    Features::describe_nothing(*extras);
  }
  record->extras = extras == nullptr || extras->empty() ? ExtrasView{} : ExtrasView{*extras};
  if (metrics_) record->metrics = metrics_->copy_values(table_.index_of(entry), metrics);
}

// All of a Flow but its metrics, from where its parts are kept.
void FlowCache::describe(const FlowEntry& entry, Flow& flow) const {
  const FlowDetails& details = table_.details(entry);
  const CounterHighBits* high_bits = table_.find_high_bits(entry);
  const Tags* tags = table_.find_tags(entry);
  static_cast<FlowKey&>(flow) = entry.key;
  flow.start_ns = entry.start_ns();
  flow.end_ns = entry.end_ns();
  flow.flow_id = details.flow_id();
  flow.segment = (high_bits == nullptr ? 0 : high_bits->segment) << 16 | details.segment;
  flow.vlan_id = tags == nullptr ? 0 : tags->vlan_id;
  flow.vlan_outer_id = tags == nullptr ? 0 : tags->vlan_outer_id;
  flow.src_mac = details.src_mac;
  flow.dst_mac = details.dst_mac;
  const FlowDetails::Icmp icmp = is_tcp(entry.key) ? FlowDetails::Icmp{} : details.icmp;
  flow.icmp_type = icmp.type;
  flow.icmp_code = icmp.code;
  flow.biflow_direction = entry.biflow_direction;
  flow.ends_now = entry.ends_now;
  const LoadShedding load_shedding = entry.has_load_shedding ? *table_.find_load_shedding(entry) : LoadShedding{};
  flow.sampling_rate = 1U << load_shedding.sampling_shift;
  flow.overload = static_cast<std::uint8_t>((load_shedding.features != 0 ? kShedFeatures : 0) |
                                            (load_shedding.sampling_shift > 0 ? kShedFlows : 0));
  describe(entry, Direction::kSrcToDst, flow.src_to_dst);
  describe(entry, Direction::kDstToSrc, flow.dst_to_src);
}

void FlowCache::describe(const FlowEntry& entry, Direction direction, FlowSide& side) const {
  const int at = static_cast<int>(direction);
  const SideState& state = entry.sides[at];
  const CounterHighBits* high_bits = table_.find_high_bits(entry);
  const TunnelIds* tunnel_ids = table_.find_tunnel_ids(entry);
  const CounterHighBits::Side upper = high_bits == nullptr ? CounterHighBits::Side{} : high_bits->sides[at];
  side.pkts = whole(upper.pkts, state.pkts);
  side.link_bytes = whole(upper.link_octets, state.link_octets);
  side.ip_bytes = whole(upper.ip_octets, state.ip_octets);
  side.bytes = options_.accounting == Accounting::kLink ? side.link_bytes : side.ip_bytes;
  if (accounted_.size() > 0) side.bytes = accounted_[table_.index_of(entry)].sides[at];
  side.start_ns = state.has_packets() ? state.start_ns : 0;
  side.end_ns = state.end_ns;
  side.tunnel_id = tunnel_ids == nullptr ? 0 : tunnel_ids->sides[at];
  side.tcp_flags = state.tcp_flags;
  side.dscp = state.dscp;
  side.ttl_min = state.has_packets() ? state.ttl_min : 0;
  side.ttl_max = state.ttl_max;
}

void FlowCache::forget(FlowEntry& entry) {
  if (classifier_ != nullptr) classifier_->release(entry);
  table_.erase(entry);
  latest_.entry = nullptr;
}

}  // namespace spanflow

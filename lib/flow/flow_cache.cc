#include "flow/flow_cache.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace spanflow {
namespace {

bool has(const Packet& packet, std::uint8_t flags) { return (packet.tcp_flags & flags) == flags; }

bool is_tcp(const FlowKey& key) { return key.ip_protocol == protocol::kTcp; }

// Tells requests and replies of ICMP (RFC 792, RFC 950, RFC 8335) and ICMPv6 (RFC 4443, RFC 4861, RFC 2710) apart.
// Other messages, such as errors, open no flow.
BiflowDirection icmp_direction(std::uint8_t ip_protocol, std::uint8_t type) {
  constexpr std::array<std::uint8_t, 6> kRequests = {8, 10, 13, 15, 17, 42};
  constexpr std::array<std::uint8_t, 6> kReplies = {0, 9, 14, 16, 18, 43};
  constexpr std::array<std::uint8_t, 6> kRequests6 = {128, 130, 133, 135, 139, 160};
  constexpr std::array<std::uint8_t, 7> kReplies6 = {129, 131, 134, 136, 140, 143, 161};
  const bool is_v4 = ip_protocol == protocol::kIcmp;
  const auto is_in = [type](const auto& types) { return std::ranges::find(types, type) != types.end(); };
  if (is_v4 ? is_in(kRequests) : is_in(kRequests6)) return BiflowDirection::kInitiator;
  if (is_v4 ? is_in(kReplies) : is_in(kReplies6)) return BiflowDirection::kReverseInitiator;
  return BiflowDirection::kArbitrary;
}

// True for the first segment of a TCP connection.
bool opens_connection(const Packet& packet) { return (packet.tcp_flags & (tcp::kSyn | tcp::kAck)) == tcp::kSyn; }

// Tells which side opened a flow, from the flow's first packet.
BiflowDirection direction_of_first(const Packet& packet) {
  constexpr std::uint16_t kFirstUserPort = 1024;
  const FlowKey& key = packet.key;
  switch (key.ip_protocol) {
    case protocol::kTcp:
      if (!has(packet, tcp::kSyn)) return BiflowDirection::kArbitrary;
      return has(packet, tcp::kAck) ? BiflowDirection::kReverseInitiator : BiflowDirection::kInitiator;
    case protocol::kUdp:
      // A packet from the port of a service may be an answer.
      return key.src_port < kFirstUserPort && key.dst_port >= kFirstUserPort ? BiflowDirection::kArbitrary
                                                                             : BiflowDirection::kInitiator;
    case protocol::kIcmp:
    case protocol::kIcmpv6:
      return icmp_direction(key.ip_protocol, packet.icmp_type);
    default:
      return BiflowDirection::kInitiator;
  }
}

// Adds `more` to the lower 32 bits of a count. Returns true if the upper bits must be incremented.
bool add_to(std::uint32_t& count, std::uint32_t more) {
  count += more;
  return count < more;
}

// A packet time that differs more than this from the input's clock does not come from a packet that is a little late,
// or from the resolution of the order of use.
constexpr std::uint64_t kFarNs = 1'500'000'000;
static_assert(PacketClock::kLatestNs < kFarNs && kFarNs < FlowCache::kSweepDelayNs);

bool is_far(std::int64_t difference_ns) { return static_cast<std::uint64_t>(std::abs(difference_ns)) > kFarNs; }

void move_times(Flow& flow, std::uint64_t by_ns) {
  flow.start_ns += by_ns;
  flow.end_ns += by_ns;
  for (FlowSide* side : {&flow.src_to_dst, &flow.dst_to_src}) {
    if (side->pkts == 0) continue;
    side->start_ns += by_ns;
    side->end_ns += by_ns;
  }
}

// While flows on probation hold more than a quarter of the table, only flows on probation are evicted. During a flood
// of new flows, this quarter gives each new flow time to become a conversation. With the default 128,000 flows and
// 100,000 new flows/s, this time is 320 ms, which is longer than most round trips.
constexpr std::uint32_t kProbationPart = 4;

// Fetches the flows of a list some time before they end, in the order of the list: first their entries, then the slots
// of these.
class FetchAhead {
 public:
  FetchAhead(const FlowTable& table, const IndexList& list)
      : table_(table), list_(list), next_entry_(list.front()), next_slot_(list.front()) {
    for (int i = 0; i < 2 * kDistance; ++i) fetch_entry();
    for (int i = 0; i < kDistance; ++i) fetch_slot();
  }

  // Must be called once before each end of the list's first flow.
  void step() {
    fetch_entry();
    fetch_slot();
  }

 private:
  static constexpr int kDistance = 8;

  void fetch_entry() {
    if (next_entry_ == kNoIndex) return;
    table_.prefetch_whole(next_entry_);
    next_entry_ = list_.after(next_entry_);
  }
  void fetch_slot() {
    if (next_slot_ == kNoIndex) return;
    table_.prefetch_slot(table_.hash(table_.at(next_slot_).key));
    next_slot_ = list_.after(next_slot_);
  }

  const FlowTable& table_;
  const IndexList& list_;
  std::uint32_t next_entry_;
  std::uint32_t next_slot_;
};

}  // namespace

FlowCache::FlowCache(const Config& config, std::uint64_t hash_seed, const RecordOrigin& origin, PayloadTools& tools,
                     const MetricSet& metrics, RecordWriter& writer, Counters& counters)
    : options_(config.flow),
      timeouts_(config.flow.active_timeout, config.flow.inactive_timeout, config.flow.tcp_linger, config.flow.segments),
      origin_(origin),
      tools_(tools),
      writer_(writer),
      counters_(counters),
      table_(share_of_capacity(config), hash_seed, config.flow.accounting) {
  if (Features::any(config.features)) features_.emplace(config.features, share_of_capacity(config), counters);
  if (!metrics.empty() || metrics.observer() != nullptr) metrics_.emplace(metrics, share_of_capacity(config), counters);
}

void FlowCache::set_timeouts(const Adjustments& adjustments) {
  timeouts_ =
      FlowTimeouts(adjustments.active_timeout, adjustments.inactive_timeout, adjustments.tcp_linger, options_.segments);
}

void FlowCache::prefetch(Lookup& lookup) const {
  lookup.expected = table_.prefetch_entry(lookup.hash);
  if (lookup.expected == kNoIndex) return;
  if (features_) features_->prefetch(lookup.expected);
  if (metrics_) metrics_->prefetch(lookup.expected);
}

bool FlowCache::add(Packet& packet, const Lookup& lookup) {
  clock_ns_ = packet.clock_ns();
  if (is_far(packet.behind_ns)) [[unlikely]]
    odd_times_ = true;
  find(packet, lookup);
  packet.direction = latest_.direction;
  FlowEntry* entry = latest_.entry;
  if (entry == nullptr || odd_times_ || opens_connection(packet) ||
      !timeouts_.simply_continues(*entry, packet.time_ns)) {
    entry = continued(entry, packet, packet.direction);
  }
  if (entry == nullptr) {
    if (is_sampled_out(lookup.hash)) [[unlikely]]
      return false;
    entry = &open(packet, lookup.hash);
  } else {
    if (begins_conversation(*entry, packet.direction)) table_.begin_conversation(*entry, clock_ns_);
    if (entry->state == EntryState::kDormant) {
      table_.next_segment(*entry);
      open_segment(*entry, packet);
    }
  }
  const bool is_first = metrics_ && !entry->has_packets();
  count(*entry, packet, is_first);
  look_into(*entry, packet);
  if (metrics_) add_to_metrics(*entry, packet, is_first);
  if (is_tcp(packet.key)) follow_tcp(*entry, packet);
  if (entry->ends_now) {
    end(*entry, EndReason::kPlugin);
  } else {
    table_.touch(*entry, clock_ns_);
  }
  return true;
}

void FlowCache::find(const Packet& packet, const Lookup& lookup) {
  if (!lookup.after || latest_.entry == nullptr) {
    latest_ = table_.find(packet.key, lookup.hash, lookup.expected);
  } else if (*lookup.after == Direction::kDstToSrc) {
    latest_.direction = reversed(latest_.direction);
  }
}

// Returns the entry that the packet continues, or nullptr if the packet begins a flow. Before that, ends the segment or
// the flow if a timeout has passed or the packet opens a new connection.
FlowEntry* FlowCache::continued(FlowEntry* entry, const Packet& packet, Direction direction) {
  if (entry == nullptr) return nullptr;
  if (entry->state != EntryState::kDormant && timeouts_.is_too_old(*entry, packet.time_ns)) {
    end(*entry, EndReason::kInactive);
    return nullptr;
  }
  // The packet may come after two deadlines: first the deadline of the segment, then the deadline of the dormant entry.
  // A sweep may have ended the flow before this packet only if the clock was past the deadline. So that the sweep does
  // not decide, the clock decides here as well.
  const std::uint64_t swept_ns = clock_ns_ - std::min(clock_ns_, kSweepDelayNs);
  for (Deadline due = deadline(*entry); packet.time_ns >= due.at_ns || clock_time(*entry, due) <= swept_ns;
       due = deadline(*entry)) {
    const bool stays = FlowTimeouts::becomes_dormant(entry->state, due.reason);
    end(*entry, due);
    if (!stays) return nullptr;
  }
  if (timeouts_.ends_at_packet(*entry, packet.time_ns)) {
    end(*entry, EndReason::kActive);
    return nullptr;
  }
  if (!is_new_connection(*entry, packet, direction)) return entry;
  end(*entry, EndReason::kClosed);
  return nullptr;
}

// Returns how far the input's clock was ahead of the flow's last packet, if that is far.
std::int64_t FlowCache::clock_lead(const FlowEntry& entry) const {
  const std::uint64_t end_ns = entry.end_ns();
  if (!is_far(FlowTable::touched_after_ns(entry, end_ns))) return 0;
  const auto lead_ns = static_cast<std::int64_t>(FlowTable::touched_ns(entry, clock_ns_) - end_ns);
  // The clock did not follow a jump ahead at once. If it has reached the time of the packet since, the jump was right.
  return lead_ns < 0 && end_ns <= clock_ns_ + kSweepDelayNs ? 0 : lead_ns;
}

// Returns the time of the input's clock at which a deadline passes. The deadline itself is in packet time.
std::uint64_t FlowCache::clock_time(const FlowEntry& entry, const Deadline& due) const {
  return due.at_ns + static_cast<std::uint64_t>(clock_lead(entry));
}

// True for a SYN whose sequence number is not the one that the flow began with. The same number means that the SYN was
// retransmitted, or captured late.
bool FlowCache::is_new_connection(const FlowEntry& entry, const Packet& packet, Direction direction) const {
  if (!opens_connection(packet) || !options_.tcp_close) return false;
  // Both hosts may open the connection at the same time, each with its own number.
  if ((entry.isn_known & direction_bit(direction)) == 0) return entry.state == EntryState::kClosed;
  return table_.details(entry).initial_sequence[direction_index(direction)] != packet.tcp_seq;
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
  FlowEntry& entry = table_.insert(swapped ? reversed(packet.key) : packet.key, hash, clock_ns_);
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
  entry.biflow_direction = swapped ? BiflowDirection::kInitiator : direction_of_first(packet);
  if (names_stopped_ || features_stopped_ || sampling_shift_ > 0) [[unlikely]]
    note_overload(entry);
  if (keeps_features(entry)) features_->start_flow(table_.index_of(entry));
  open_segment(entry, packet);
  return entry;
}

// Stores what overload leaves out of this flow. User metrics are never left out, because the user has configured the
// sensor for them.
void FlowCache::note_overload(FlowEntry& entry) {
  LoadShedding& load_shedding = table_.load_shedding(entry);
  load_shedding.names = names_stopped_ ? 1 : 0;
  load_shedding.features = features_stopped_ ? 1 : 0;
  load_shedding.sampling_shift = sampling_shift_;
  if (names_stopped_) {
    entry.reading.settle_both();
    counters_.add(Counter::kOverloadNamesStopped);
  }
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

void FlowCache::count(FlowEntry& entry, Packet& packet, bool is_first) {
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
  if (metrics_) packet.gap_ns = is_first ? 0 : packet.time_ns - std::min(packet.time_ns, before_ns);
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

class FlowCache::OpenSegment : public SegmentReader {
 public:
  OpenSegment(FlowCache& cache, const FlowEntry& entry) : cache_(cache), entry_(entry) {}

  void read(FlowRecord& record, FlowExtras& extras) const override {
    Verdict verdict;
    if (Classifier* classifier = cache_.tools_.classifier()) verdict = classifier->found(entry_.inspection);
    cache_.describe(entry_, verdict, record, &extras);
  }

 private:
  FlowCache& cache_;
  const FlowEntry& entry_;
};

// Updates only those members of the Flow that a packet changes.
void FlowCache::add_to_metrics(FlowEntry& entry, const Packet& packet, bool is_first) {
  const std::uint32_t index = table_.index_of(entry);
  const OpenSegment segment(*this, entry);
  if (!metrics_->see_flows()) return metrics_->add(index, packet, is_first, segment);
  Flow& flow = metrics_->flow(index);
  flow.start_ns = entry.start_ns();
  flow.end_ns = entry.end_ns();
  table_.read(entry, packet.direction, flow.side(packet.direction));
  metrics_->add(index, packet, is_first, segment);
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

// Shows the payload to spanflow's readers, and to nDPI.
void FlowCache::look_into(FlowEntry& entry, const Packet& packet) {
  if (tools_.inspector() != nullptr && Inspector::wants(entry.reading, packet)) {
    const bool syn_seen = (entry.syn_seen & direction_bit(packet.direction)) != 0;
    const InitialSequence& initial = table_.details(entry).initial_sequence;
    const auto syn = syn_seen ? std::optional(initial[direction_index(packet.direction)]) : std::nullopt;
    tools_.inspector()->inspect({table_.index_of(entry), entry.reading, entry.biflow_direction, syn}, packet);
  }
  if (tools_.classifier() != nullptr) {
    tools_.classifier()->inspect(entry.inspection, table_.index_of(entry), table_.details(entry).initial_sequence,
                                 packet);
  }
}

void FlowCache::follow_tcp(FlowEntry& entry, const Packet& packet) {
  if (has(packet, tcp::kSyn) || (entry.isn_known & direction_bit(packet.direction)) == 0) {
    note_initial_sequence(entry, packet);
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

// Without a SYN, the initial sequence number comes from the first packet that depends on it: the SYN-ACK of the other
// side, or the first data.
void FlowCache::note_initial_sequence(FlowEntry& entry, const Packet& packet) {
  InitialSequence& initial = table_.details(entry).initial_sequence;
  const Direction other = reversed(packet.direction);
  if (has(packet, tcp::kSyn)) {
    initial[direction_index(packet.direction)] = packet.tcp_seq;
    entry.syn_seen |= direction_bit(packet.direction);
    entry.isn_known |= direction_bit(packet.direction);
    if (!has(packet, tcp::kAck) || (entry.syn_seen & direction_bit(other)) != 0) return;
    initial[direction_index(other)] = packet.tcp_ack - 1;
    entry.isn_known |= direction_bit(other);
  } else {
    initial[direction_index(packet.direction)] = packet.tcp_seq - 1;
    entry.isn_known |= direction_bit(packet.direction);
  }
}

void FlowCache::relieve(const Overload& overload) {
  names_stopped_ = tools_.inspector() != nullptr && overload.level() >= OverloadLevel::kNoNames;
  if (tools_.classifier() != nullptr) tools_.classifier()->lower_budget(overload.level() >= OverloadLevel::kLessDpi);
  features_stopped_ = features_ && overload.level() >= OverloadLevel::kFewerFeatures;
  sampling_shift_ = overload.sampling_shift();
}

bool FlowCache::sweep(std::uint64_t now_ns, int budget) {
  clock_ns_ = std::max(clock_ns_, now_ns);
  bool any = false;
  for (; budget > 0 && !writer_.nearly_full(); --budget) {
    const bool ended = sweep_front(table_.by_close(), now_ns) || sweep_front(table_.by_opening(), now_ns) ||
                       sweep_front(table_.on_probation(), now_ns) || sweep_front(table_.conversations(), now_ns);
    if (!ended) break;
    any = true;
  }
  return any;
}

// Ends the first flow of `list` if its deadline has passed.
bool FlowCache::sweep_front(IndexList& list, std::uint64_t now_ns) {
  if (list.empty()) return false;
  FlowEntry& entry = table_.at(list.front());
  const Deadline due = deadline(entry);
  if (clock_time(entry, due) > now_ns) return false;
  end(entry, due);
  return true;
}

void FlowCache::end_all(std::uint64_t now_ns) {
  clock_ns_ = std::max(clock_ns_, now_ns);
  for (IndexList* list : {&table_.by_close(), &table_.by_opening(), &table_.on_probation(), &table_.conversations()}) {
    for (std::uint32_t at = list->front(); at != kNoIndex;) {
      FlowEntry& entry = table_.at(at);
      at = list->after(at);
      const Deadline due = deadline(entry);
      if (clock_time(entry, due) <= now_ns) end(entry, due);
    }
  }
  FetchAhead on_probation(table_, table_.on_probation());
  FetchAhead conversations(table_, table_.conversations());
  while (table_.size() > 0) {
    FlowEntry& entry = table_.at(table_.least_recently_used(clock_ns_));
    (entry.is_conversation ? conversations : on_probation).step();
    end(entry, FlowTimeouts::early_end(entry.state, EndReason::kCaptureEnd));
  }
}

void FlowCache::make_room() {
  FlowEntry& entry = table_.at(victim());
  if (entry.state == EntryState::kOpen) {
    const std::uint64_t last_ns = entry.end_ns() + static_cast<std::uint64_t>(clock_lead(entry));
    counters_.set(Counter::kFlowsEvictedIdle, clock_ns_ - std::min(clock_ns_, last_ns));
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
  return table_.by_close().empty() ? table_.least_recently_used(clock_ns_) : table_.by_close().front();
}

void FlowCache::end(FlowEntry& entry, EndReason reason) { end(entry, {.at_ns = kNotDue, .reason = reason}); }

// Ends the segment, if there is one, and writes its record. After an active timeout, the entry stays as a dormant
// entry. Otherwise the entry is erased.
void FlowCache::end(FlowEntry& entry, const Deadline& due) {
  const std::uint32_t index = table_.index_of(entry);
  if (entry.state == EntryState::kOpen) table_.by_opening().remove(index);
  if (entry.state == EntryState::kClosed) table_.by_close().remove(index);
  if (entry.state != EntryState::kDormant) write_record(entry, due);
  if (becomes_dormant(entry, due.reason)) {
    entry.state = EntryState::kDormant;
  } else {
    forget(entry);
  }
}

void FlowCache::write_record(FlowEntry& entry, const Deadline& due) {
  const EndReason reason = due.reason;
  const bool ends_flow = !options_.segments || reason != EndReason::kActive;
  Verdict verdict;
  if (tools_.classifier() != nullptr) verdict = tools_.classifier()->conclude(entry.inspection, entry.key, ends_flow);
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
  if (wall_lead_ns_ != 0) [[unlikely]]
    move_times(*record, wall_lead_ns_);
  record->end_reason = reason;
  record->sensor_id = origin_.sensor_id;
  record->worker = origin_.worker;
  record->timestamp_source = origin_.timestamp_source;
  record->community_id_seed = origin_.community_id_seed;
  describe(entry, verdict, *record, extras);
  if (metrics_) record->metrics = metrics_->copy_values(table_.index_of(entry), metrics);
}

// Fills in what is not in the table.
void FlowCache::describe(const FlowEntry& entry, const Verdict& verdict, FlowRecord& record, FlowExtras* extras) {
  describe_payload(entry, verdict, record, extras);
  if (keeps_features(entry)) {
    features_->describe(table_.index_of(entry), *extras);
  } else if (features_) {
    Features::describe_nothing(*extras);
  }
  record.extras = extras == nullptr || extras->empty() ? ExtrasView{} : ExtrasView{*extras};
}

// Fills in the application and the metadata.
void FlowCache::describe_payload(const FlowEntry& entry, const Verdict& verdict, FlowRecord& record,
                                 FlowExtras* extras) {
  record.has_application = tools_.classifier() != nullptr;
  if (tools_.classifier() != nullptr) tools_.classifier()->describe(verdict, record);
  if (tools_.metadata() == nullptr || extras == nullptr) return;
  const std::uint32_t index = table_.index_of(entry);
  tools_.metadata()->read(index, extras->metadata.octets);
  if (tools_.classifier() != nullptr) {
    tools_.classifier()->append_metadata(entry.inspection, extras->metadata.octets);
  }
  extras->metadata.note_keys();
  if (tools_.inspector() != nullptr) {
    tools_.inspector()->add_dns_name(index, entry.key, entry.start_ns(), extras->metadata);
  }
}

void FlowCache::forget(FlowEntry& entry) {
  if (tools_.classifier() != nullptr) tools_.classifier()->release(entry.inspection);
  if (tools_.inspector() != nullptr) tools_.inspector()->release(entry.reading);
  if (tools_.metadata() != nullptr) tools_.metadata()->release(table_.index_of(entry));
  table_.erase(entry);
  latest_.entry = nullptr;
}

}  // namespace spanflow

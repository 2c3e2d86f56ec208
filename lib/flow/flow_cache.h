// Decides when flows begin and end: the Metering Process of RFC 7011, on top of the FlowTable.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "capture/packet_clock.h"
#include "config/adjustments.h"
#include "config/config.h"
#include "decode/packet.h"
#include "export/export_ring.h"
#include "flow/flow_table.h"
#include "flow/flow_timeouts.h"
#include "flow/overload.h"
#include "flow/payload_tools.h"
#include "metrics/features.h"
#include "metrics/user_metrics.h"
#include "telemetry/counters.h"

namespace spanflow {

// The values that are the same in all records of one worker.
struct RecordOrigin {
  std::string_view sensor_id;  // interned, so that it outlives all records of the process
  std::uint16_t worker = 0;
  TimestampSource timestamp_source = TimestampSource::kFile;
  std::uint16_t community_id_seed = 0;
};

// What FlowCache::add() needs to find the flow of a packet.
struct Lookup {
  std::uint32_t hash;                 // FlowTable::hash() of the packet's key
  std::uint32_t expected = kNoIndex;  // see FlowTable::find()
  // Set if the packet belongs to the flow of the previous packet, which saves the search: kSrcToDst if both have the
  // same direction, otherwise kDstToSrc.
  std::optional<Direction> after;
};

// One object per worker; not thread-safe. `config`, `tools`, `metrics`, `writer` and `counters` must outlive the
// FlowCache. The end of a flow depends only on the times of its packets, and on the times of the input's clock at these
// packets. How often sweep() is called affects when a record is exported, but not the content of the record, except
// dns_name: the cache of names forgets answers meanwhile.
class FlowCache {
 public:
  // How far sweeps must stay behind the clock of an input whose packets may be late, such as a capture file.
  static constexpr std::uint64_t kSweepDelayNs = 2'000'000'000;

  FlowCache(const Config& config, std::uint64_t hash_seed, const RecordOrigin& origin, PayloadTools& tools,
            const MetricSet& metrics, RecordWriter& writer, Counters& counters);

  FlowTable& table() { return table_; }
  // Prefetches the state that add() will need, and sets lookup.expected. Call table().prefetch_slot() with the same
  // hash first.
  void prefetch(Lookup& lookup) const;

  // Adds one decoded packet to its flow, and sets packet.direction. Returns false if sampling leaves out the flow of
  // the packet. The packet is then not metered.
  bool add(Packet& packet, const Lookup& lookup);
  // From now on, adds this to the times in records, see PacketSource::wall_lead_ns().
  void set_wall_lead(std::int64_t lead_ns) { wall_lead_ns_ = static_cast<std::uint64_t>(lead_ns); }
  // Sets new timeouts, which also apply to the open flows.
  void set_timeouts(const Adjustments& adjustments);
  // From now on, leaves out names, DPI, features and new flows as far as the overload level says.
  void relieve(const Overload& overload);
  // Ends at most `budget` flows whose deadline is `now_ns` or earlier, a time of the input's clock. If a later
  // packet may have an earlier time, `now_ns` must be kSweepDelayNs behind the clock. Stops early if the export ring is
  // nearly full. Returns true if it has ended any flow.
  bool sweep(std::uint64_t now_ns, int budget);
  // Must be called after each burst.
  void end_burst() {
    if (metrics_) metrics_->end_burst();
  }
  // Ends all flows, at the time `now_ns`. Call it when the capture is over.
  void end_all(std::uint64_t now_ns);

 private:
  using Deadline = FlowTimeouts::Deadline;
  static constexpr std::uint64_t kNotDue = 0;  // Deadline::at_ns of a flow that ended before its deadline

  void find(const Packet& packet, const Lookup& lookup);
  Deadline deadline(const FlowEntry& entry) const { return timeouts_.deadline(entry, table_.details(entry)); }
  std::uint64_t clock_time(const FlowEntry& entry, const Deadline& due) const;
  std::int64_t clock_lead(const FlowEntry& entry) const;
  bool sweep_front(IndexList& list, std::uint64_t now_ns);
  FlowEntry* continued(FlowEntry* entry, const Packet& packet, Direction direction);
  bool is_new_connection(const FlowEntry& entry, const Packet& packet, Direction direction) const;
  bool keeps_features(const FlowEntry& entry) const { return features_ && !table_.sheds_features(entry); }
  static bool begins_conversation(const FlowEntry& entry, Direction direction);
  bool is_sampled_out(std::uint32_t hash) const { return (hash & ((1U << sampling_shift_) - 1)) != 0; }
  FlowEntry& open(Packet& packet, std::uint32_t hash);
  void note_overload(FlowEntry& entry);
  void open_segment(FlowEntry& entry, const Packet& packet);
  void count(FlowEntry& entry, Packet& packet, bool is_first);
  void carry(FlowEntry& entry, Direction direction, bool pkts, bool link_octets, bool ip_octets);
  void count_apart(const FlowEntry& entry, const Packet& packet);
  class OpenSegment;
  void start_metrics(FlowEntry& entry, std::uint64_t first_packet_ns);
  void add_to_metrics(FlowEntry& entry, const Packet& packet, bool is_first);
  void look_into(FlowEntry& entry, const Packet& packet);
  void follow_tcp(FlowEntry& entry, const Packet& packet);
  void note_initial_sequence(FlowEntry& entry, const Packet& packet);
  bool becomes_dormant(const FlowEntry& entry, EndReason reason) const {
    return options_.segments && FlowTimeouts::becomes_dormant(entry.state, reason);
  }
  void end(FlowEntry& entry, EndReason reason);
  void end(FlowEntry& entry, const Deadline& due);
  void write_record(FlowEntry& entry, const Deadline& due);
  void describe(const FlowEntry& entry, const Verdict& verdict, FlowRecord& record, FlowExtras* extras);
  void describe_payload(const FlowEntry& entry, const Verdict& verdict, FlowRecord& record, FlowExtras* extras);
  void forget(FlowEntry& entry);
  void make_room();
  std::uint32_t victim();
  std::uint64_t accounted(const Packet& packet) const;

  const Config::FlowOptions& options_;
  FlowTimeouts timeouts_;
  RecordOrigin origin_;
  PayloadTools& tools_;
  RecordWriter& writer_;
  Counters& counters_;
  std::uint64_t clock_ns_ = 0;  // the input's clock at the last packet or sweep; gives the order of use
  bool odd_times_ = false;  // true: a packet has been far from the input's clock, so packet times alone are not enough
  std::uint64_t wall_lead_ns_ = 0;  // added to the times in records, modulo 2^64
  FlowTable table_;
  // Result of find() for the last packet. Its entry is nullptr if the flow was not in the table, or if any entry was
  // erased since.
  FlowTable::Found latest_{};
  std::optional<Features> features_;
  std::optional<UserMetrics> metrics_;
  bool names_stopped_ = false;
  bool features_stopped_ = false;
  std::uint8_t sampling_shift_ = 0;  // one in 2^sampling_shift_ new flows is metered
};

}  // namespace spanflow

// When flows begin and end: RFC 7011's Metering Process on top of the FlowTable.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/zeroed_array.h"
#include "capture/packet_clock.h"
#include "config/adjustments.h"
#include "config/config.h"
#include "decode/packet.h"
#include "dpi/classifier.h"
#include "export/export_ring.h"
#include "flow/flow_table.h"
#include "flow/overload.h"
#include "metrics/features.h"
#include "metrics/user_metrics.h"
#include "telemetry/counters.h"

namespace spanflow {

// What every record of one worker has in common.
struct RecordOrigin {
  std::string_view sensor_id;  // outlives the process's records (interned)
  std::uint16_t worker = 0;
  TimestampSource timestamp_source = TimestampSource::kFile;
  std::uint16_t community_id_seed = 0;
};

// One per worker; not thread-safe. Everything it borrows must outlive it. Ends of flows depend on packet times alone:
// how often sweep() runs changes when a record leaves, never what is in it.
class FlowCache {
 public:
  // `classifier` may be nullptr: no DPI.
  FlowCache(const Config& config, std::uint64_t hash_seed, const RecordOrigin& origin, Classifier* classifier,
            const MetricSet& metrics, RecordWriter& writer, Counters& counters);

  FlowTable& table() { return table_; }
  // What add() will need of a flow, after table().prefetch_slot().
  void prefetch(std::uint32_t hash) const;

  // Adds one decoded packet to its flow. Sets packet.direction. `hash` is table().hash(packet.key). If the packet added
  // just before is of the same flow, `after` may say which way this one goes beside it: that spares the look-up. False
  // if its flow is not one of those that are sampled: then the packet is not metered.
  bool add(Packet& packet, std::uint32_t hash, std::optional<Direction> after = std::nullopt);
  // Of all flows, those that are open too: what is out of time by these ends as it would have by the others.
  void set_timeouts(const Adjustments& adjustments);
  // What to leave out from now on.
  void relieve(const Overload& overload);
  // Ends flows whose time has come at `now_ns`, at most `budget` of them; pauses while the export ring is nearly full.
  // True if it ended any.
  bool sweep(std::uint64_t now_ns, int budget);
  // The capture is over, its last packet was at `now_ns`: ends everything. Packets of any time may follow.
  void end_all(std::uint64_t now_ns);

 private:
  struct Deadline {
    std::uint64_t at_ns;
    EndReason reason;
  };
  static constexpr std::uint64_t kNotDue = 0;  // ended by something else than its time
  // By direction.
  struct AccountedOctets {
    std::uint64_t sides[2];
  };

  void find(const Packet& packet, std::uint32_t hash, std::optional<Direction> after);
  Deadline deadline(const FlowEntry& entry) const;
  bool sweep_front(IndexList& list, std::uint64_t now_ns);
  bool simply_continues(const FlowEntry& entry, std::uint64_t time_ns) const;
  FlowEntry* continued(FlowEntry* entry, const Packet& packet, Direction direction);
  bool is_new_connection(const FlowEntry& entry, const Packet& packet, Direction direction) const;
  bool out_of_time(const FlowEntry& entry, std::uint64_t time_ns) const;
  bool keeps_features(const FlowEntry& entry) const;
  static bool begins_conversation(const FlowEntry& entry, Direction direction);
  bool is_sampled_out(std::uint32_t hash) const { return (hash & ((1U << sampling_shift_) - 1)) != 0; }
  FlowEntry& open(Packet& packet, std::uint32_t hash);
  void note_overload(FlowEntry& entry);
  void open_segment(FlowEntry& entry, const Packet& packet);
  void count(FlowEntry& entry, Packet& packet);
  void carry(FlowEntry& entry, Direction direction, bool pkts, bool link_octets, bool ip_octets);
  void count_apart(const FlowEntry& entry, const Packet& packet);
  void start_metrics(FlowEntry& entry, std::uint64_t first_packet_ns);
  void add_to_metrics(FlowEntry& entry, const Packet& packet, bool is_first);
  void follow_tcp(FlowEntry& entry, const Packet& packet);
  void end(FlowEntry& entry, EndReason reason);
  void end(FlowEntry& entry, const Deadline& due);
  void write_record(FlowEntry& entry, const Deadline& due);
  void describe(const FlowEntry& entry, Flow& flow) const;
  void describe(const FlowEntry& entry, Direction direction, FlowSide& side) const;
  void forget(FlowEntry& entry);
  void evict();
  std::uint32_t victim();
  std::uint64_t accounted(const Packet& packet) const;

  const Config::FlowOptions& options_;
  std::uint64_t active_timeout_ns_;
  std::uint64_t inactive_timeout_ns_;
  std::uint64_t tcp_linger_ns_;
  RecordOrigin origin_;
  Classifier* classifier_;
  RecordWriter& writer_;
  Counters& counters_;
  PacketClock clock_;  // the order of use goes by it: no single packet may put it far ahead
  FlowTable table_;
  FlowTable::Found latest_{};  // of the last packet; no entry if it was not in the table, or an entry was forgotten
  ZeroedArray<AccountedOctets> accounted_;  // by entry; only if they are neither link nor ip octets
  std::optional<Features> features_;
  std::optional<UserMetrics> metrics_;
  bool features_stopped_ = false;
  std::uint8_t sampling_shift_ = 0;
};

}  // namespace spanflow

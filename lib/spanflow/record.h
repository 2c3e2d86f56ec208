// A flow's key, its state while it is open, and the record of each of its segments.
//
// A segment is the part of a flow between two active timeouts; a flow without one has a single segment. Times are
// nanoseconds since the Unix epoch. Sizes and byte counts are octets on the wire, whatever the snap length.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "spanflow/export.h"

namespace spanflow {

// In network byte order. An IPv4 address fills the first four octets, the others are zero. FlowKey::ip_version tells
// IPv4 from IPv6.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  bool operator==(const IpAddress&) const = default;
};

using MacAddress = std::array<std::uint8_t, 6>;

// The address as text: dotted decimal, or RFC 5952 for IPv6. `ip_version` is 4 or 6.
SPANFLOW_EXPORT std::string to_string(const IpAddress& address, unsigned ip_version);

// `src` is the sender of the flow's first packet, unless the option flow.direction says otherwise.
enum class Direction : std::uint8_t { kSrcToDst, kDstToSrc };

constexpr Direction reversed(Direction direction) {
  return direction == Direction::kSrcToDst ? Direction::kDstToSrc : Direction::kSrcToDst;
}

enum class TunnelType : std::uint8_t { kNone, kIpip, kGre, kErspan, kVxlan, kGeneve, kGtp, kCapwap };
inline constexpr unsigned kTunnelTypes = static_cast<unsigned>(TunnelType::kCapwap) + 1;

// Packets with equal keys belong to one flow. The keys of the two directions differ only in src and dst, which are
// swapped. Ports are 0 if the protocol has none (ICMP) or if they are unknown (orphaned fragments).
struct FlowKey {
  IpAddress ip_src;
  IpAddress ip_dst;
  std::uint16_t src_port = 0;
  std::uint16_t dst_port = 0;
  std::uint16_t vlan_key_outer = 0;  // 802.1Q ids that the option flow.vlan_key selects, else 0
  std::uint16_t vlan_key_inner = 0;
  std::uint32_t tunnel_key = 0;  // the VNI of VXLAN or GENEVE, else 0
  std::uint8_t ip_protocol = 0;
  std::uint8_t ip_version = 0;
  TunnelType tunnel_type = TunnelType::kNone;
  std::uint8_t unused = 0;  // fills the padding, because all octets of the key are hashed
  bool operator==(const FlowKey&) const = default;
};
static_assert(sizeof(FlowKey) == 48);

// Counts of one direction of a flow.
struct FlowSide {
  std::uint64_t pkts = 0;
  std::uint64_t bytes = 0;       // link, ip, transport or payload octets, as the option flow.accounting says
  std::uint64_t link_bytes = 0;  // layer 2 octets, IPFIX IE 352
  std::uint64_t ip_bytes = 0;    // layer 3 octets, IPFIX IE 1
  std::uint64_t start_ns = 0;    // start_ns, end_ns: least and greatest packet time; 0 without packets
  std::uint64_t end_ns = 0;
  std::uint32_t tunnel_id = 0;  // tunnel id of this direction only, such as a GTP TEID
  std::uint8_t tcp_flags = 0;   // union of the flags, IPFIX IE 6
  std::uint8_t dscp = 0;        // DSCP of the first packet, IPFIX IE 195
  std::uint8_t ttl_min = 0;     // ttl_min, ttl_max: least and greatest TTL or hop limit, IPFIX IE 52 and 53
  std::uint8_t ttl_max = 0;
};

// IPFIX IE 239, biflowDirection.
enum class BiflowDirection : std::uint8_t { kArbitrary, kInitiator, kReverseInitiator };

// A user metric without a value, such as the mean of no packets. JSON omits it, and CSV has an empty column. It is a
// NaN: test a value with std::isnan().
inline constexpr double kNoValue = std::numeric_limits<double>::quiet_NaN();

// The names of a run's user metrics, in the order of the record's fields. The texts stay valid until the process ends.
using MetricNames = std::vector<std::string_view>;

// An element of a flow's metric array. The first cell points to the names; the others hold one value for each name.
union MetricCell {
  const MetricNames* names;
  double value;
  std::uint64_t count;
};

// A flow's user metrics. The view does not own them: a copy refers to the same values. (A copy of a FlowRecord has
// values of its own.) Integers are exact up to 2^53.
class MetricsView {
 public:
  MetricsView() = default;
  explicit MetricsView(MetricCell* cells) : cells_(cells) {}

  // Throws std::out_of_range if the run has no metric of this name.
  double& operator[](std::string_view name) { return cells_[1 + position(name)].value; }
  double operator[](std::string_view name) const { return cells_[1 + position(name)].value; }

  std::size_t size() const { return cells_ == nullptr ? 0 : cells_->names->size(); }
  std::string_view name(std::size_t at) const { return (*cells_->names)[at]; }
  double value(std::size_t at) const { return cells_[1 + at].value; }
  const MetricCell* cells() const { return cells_; }

 private:
  std::size_t position(std::string_view name) const {
    for (std::size_t at = 0; at < size(); ++at) {
      if (this->name(at) == name) return at;
    }
    throw std::out_of_range("there is no metric " + std::string(name));
  }

  MetricCell* cells_ = nullptr;
};

// Bits for the work that a live worker left out of a flow because of overload.
enum Shedding : std::uint8_t {
  kShedDpi = 1,       // nDPI got fewer packets of the flow; set when the flow ends
  kShedFeatures = 2,  // the flow has no features.statistics, features.splt or features.tcp
  kShedFlows = 4,     // only some new flows were metered; this flow stands for sampling_rate flows
};

// The current segment of an open flow, up to now.
struct Flow : FlowKey {
  std::uint64_t start_ns = 0;  // start_ns, end_ns: least and greatest packet time of this segment
  std::uint64_t end_ns = 0;
  std::uint64_t flow_id = 0;        // hash of sensor_id, key and first packet's time; the same in all segments
  std::uint32_t segment = 0;        // counts from 0; each active timeout begins the next one
  std::uint16_t vlan_id = 0;        // innermost VLAN id of the first packet
  std::uint16_t vlan_outer_id = 0;  // outermost VLAN id of the first packet, if it has several tags
  MacAddress src_mac{};             // MAC addresses of the first packet; all 0 without Ethernet
  MacAddress dst_mac{};
  std::uint8_t icmp_type = 0;  // ICMP type and code of the first packet
  std::uint8_t icmp_code = 0;
  BiflowDirection biflow_direction = BiflowDirection::kArbitrary;
  bool ends_now = false;            // true after finish()
  std::uint32_t sampling_rate = 1;  // one in sampling_rate new flows was metered when this flow began
  std::uint8_t overload = 0;        // bits of Shedding
  FlowSide src_to_dst;
  FlowSide dst_to_src;
  MetricsView metrics;  // empty without user metrics

  // For a user metric: ends the flow with the current packet.
  void finish() { ends_now = true; }

  FlowSide& side(Direction direction) { return direction == Direction::kSrcToDst ? src_to_dst : dst_to_src; }
  const FlowSide& side(Direction direction) const {
    return direction == Direction::kSrcToDst ? src_to_dst : dst_to_src;
  }
};

// One packet of a flow.
struct PacketInfo {
  std::uint64_t time_ns = 0;
  std::uint32_t size = 0;            // octets of the whole frame
  std::uint32_t ip_size = 0;         // octets from the IP header on
  std::uint32_t transport_size = 0;  // octets from the transport header on
  std::uint32_t payload_size = 0;    // octets after the transport header
  std::uint64_t gap_ns = 0;          // time since the flow's previous packet; set only if there are user metrics
  std::uint16_t tcp_window = 0;      // window field of the TCP header, not scaled
  bool has_tcp_window = false;       // false without TCP, and if the TCP header was not captured in full
  std::uint8_t ttl = 0;              // IPv4 TTL or IPv6 hop limit
  std::uint8_t tcp_flags = 0;
  std::uint8_t dscp = 0;  // differentiated services code point
  Direction direction = Direction::kSrcToDst;
};

enum class EndReason : std::uint8_t { kInactive, kActive, kClosed, kCaptureEnd, kEvicted, kPlugin };

// The clock of the packet times.
enum class TimestampSource : std::uint8_t { kFile, kKernel, kTsc, kNic };

// Summary of a series of values; all 0 for an empty series. stddev is the sample standard deviation.
struct Distribution {
  double min = 0;
  double mean = 0;
  double stddev = 0;
  double max = 0;
};

struct SideStatistics {
  Distribution packet_size;                      // sizes in octets, as the option flow.accounting says
  Distribution inter_arrival;                    // gaps between packets, in ns
  Distribution inter_arrival_ms;                 // gaps between times cut to whole ms; all 0 without nfstream's columns
  std::array<std::uint64_t, 8> tcp_flag_pkts{};  // packets with FIN, SYN, RST, PSH, ACK, URG, ECE, CWR
};

// Values of the option features.statistics.
struct FlowStatistics {
  SideStatistics bidirectional;
  SideStatistics src_to_dst;
  SideStatistics dst_to_src;
};

// One of the first packets of a segment, for the option features.splt.
struct EarlyPacket {
  std::uint64_t time_ns = 0;  // packet time, never less than the previous packet's
  std::uint32_t size = 0;     // size in octets, as the option flow.accounting says
  Direction direction = Direction::kSrcToDst;
};

// Keys of the metadata that inspection extracts from a flow's packets. Values are texts, except where a number is
// noted.
enum class Metadata : std::uint8_t {
  kServerName,  // server name from nDPI: TLS server name, HTTP host, DNS query, ...
  kJa3Client,
  kJa3Server,
  kTlsServerName,  // server name from spanflow's own parser, never truncated
  kJa4,
  kTlsVersion,
  kTlsCipher,
  kTlsAlpn,
  kTlsIssuer,
  kTlsSubject,
  kTlsNotBefore,  // number: seconds since the epoch
  kTlsNotAfter,   // number: seconds since the epoch
  kHttpUrl,
  kHttpMethod,
  kHttpStatus,  // number
  kUserAgent,
  kContentType,
  kDnsQuery,
  kDnsQueryType,  // number
  kDnsReplyCode,  // number
  kDnsAnswer,     // the first address
  kSshClient,
  kSshServer,
  kHasshClient,
  kHasshServer,
  kRisks,      // names, separated by ", "
  kRiskScore,  // number
};

struct FlowMetadata {
  std::string octets;        // all keys and values, encoded
  std::uint32_t keys = ~0U;  // one bit for each key that `octets` may hold; avoids most searches for absent keys

  // Sets `keys` to exactly the keys in `octets`.
  SPANFLOW_EXPORT void note_keys();
  // The value of a key; an empty text, or nullopt, if the flow does not have the key. The text is a view into `octets`.
  SPANFLOW_EXPORT std::string_view text(Metadata key) const;
  SPANFLOW_EXPORT std::optional<std::uint64_t> number(Metadata key) const;
};

// One direction of a TCP connection, from the packets that were captured.
struct TcpSideQuality {
  std::uint64_t retransmitted_pkts = 0;
  std::uint64_t out_of_order_pkts = 0;
  std::uint64_t zero_window_pkts = 0;  // packets that advertise a receive window of 0
  std::uint64_t gaps = 0;              // packets after missing octets: they begin beyond the expected sequence number
  std::optional<std::uint16_t> mss;    // octets, from the SYN of this direction
  std::optional<std::uint8_t> window_scale;  // shift count, from the SYN of this direction
};

// Values of the option features.tcp. A value is absent if the packets that it needs were not captured.
struct TcpQuality {
  std::optional<std::uint64_t> server_rtt_ns;  // time from SYN to SYN-ACK
  std::optional<std::uint64_t> client_rtt_ns;  // time from SYN-ACK to ACK
  std::optional<std::uint64_t> response_ns;    // time from the last packet of a request to the first of its response
  TcpSideQuality src_to_dst;
  TcpSideQuality dst_to_src;
  std::string history;  // a letter for each kind of packet, in order of first appearance; lower case: sent by dst
};

// The values that optional features add to a record.
struct FlowExtras {
  FlowMetadata metadata;  // from the option dpi.metadata
  bool has_statistics = false;
  FlowStatistics statistics;
  std::vector<EarlyPacket> early_packets;
  std::uint32_t early_packets_kept = 0;  // limit of early_packets, from the option features.splt
  bool has_tcp_quality = false;          // true for TCP flows only
  TcpQuality tcp_quality;

  bool empty() const {
    return metadata.octets.empty() && !has_statistics && early_packets_kept == 0 && !has_tcp_quality;
  }
};

// Access to a record's extras. The pipeline's records refer to the worker's memory. A copy owns a FlowExtras of its
// own, so a copied record can be kept. Test the view with operator bool before ->.
class ExtrasView {
 public:
  ExtrasView() = default;
  explicit ExtrasView(const FlowExtras& extras) : extras_(&extras) {}
  ExtrasView(const ExtrasView& other) : owned_(other ? std::make_unique<FlowExtras>(*other.extras_) : nullptr) {
    extras_ = owned_.get();
  }
  ExtrasView(ExtrasView&&) noexcept = default;
  ExtrasView& operator=(const ExtrasView& other) { return *this = ExtrasView(other); }
  ExtrasView& operator=(ExtrasView&&) noexcept = default;
  ~ExtrasView() = default;

  explicit operator bool() const { return extras_ != nullptr; }
  const FlowExtras* operator->() const { return extras_; }

 private:
  std::unique_ptr<FlowExtras> owned_;
  const FlowExtras* extras_ = nullptr;
};

// The members of a FlowRecord. The texts stay valid until the process ends.
struct RecordFields : Flow {
  std::string_view application_name;        // nDPI's name of the application: "TLS.Instagram"; if not known: "Unknown"
  std::string_view category_name;           // nDPI's category of the application, such as "SocialNetwork"
  std::string_view sensor_id;               // the option sensor_id, may be empty
  std::uint8_t application_confidence = 0;  // nDPI's confidence, a value of ndpi_confidence_t
  bool application_is_guessed = false;
  bool has_application = false;  // false with dpi.enabled: false
  EndReason end_reason = EndReason::kInactive;
  TimestampSource timestamp_source = TimestampSource::kFile;
  std::uint16_t worker = 0;             // number of the worker that metered the flow
  std::uint64_t sequence = 0;           // number of the record in this run, counted from 0
  std::uint16_t community_id_seed = 0;  // the option output.community_id_seed
  ExtrasView extras;                    // empty if all features are off
};

// The record of a segment that has ended. A copy owns its metrics and its extras.
struct FlowRecord : RecordFields {
  FlowRecord() = default;
  FlowRecord(const FlowRecord& other) : RecordFields(other) {
    if (metrics.size() == 0) return;
    const std::size_t cells = 1 + metrics.size();
    own_metrics_ = std::make_unique<MetricCell[]>(cells);
    std::copy(metrics.cells(), metrics.cells() + cells, own_metrics_.get());
    metrics = MetricsView(own_metrics_.get());
  }
  FlowRecord(FlowRecord&&) noexcept = default;
  FlowRecord& operator=(const FlowRecord& other) { return *this = FlowRecord(other); }
  FlowRecord& operator=(FlowRecord&&) noexcept = default;
  ~FlowRecord() = default;

 private:
  std::unique_ptr<MetricCell[]> own_metrics_;
};

// The code in records: 0 inactive, 1 active, 2 termination (TCP close, capture end), 3 evicted, 4 plugin.
SPANFLOW_EXPORT int export_reason(EndReason reason);
// IPFIX IE 136, flowEndReason: 1 idle, 2 active, 3 end of flow, 4 forced end, 5 lack of resources.
SPANFLOW_EXPORT int flow_end_reason(EndReason reason);

// Writes one JSON object with all fields of spanflowd's default output; no line end.
SPANFLOW_EXPORT std::ostream& operator<<(std::ostream& out, const FlowRecord& record);

}  // namespace spanflow

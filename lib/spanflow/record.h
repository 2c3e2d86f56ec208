// The key of a flow, the state of an open flow, and the record of each segment of a flow.
//
// An active timeout ends a segment of a flow, and the next segment begins. A flow that reaches no active timeout has a
// single segment. Times are nanoseconds since the Unix epoch. Sizes and byte counts are octets on the wire, even if the
// snap length cuts the captured packets.
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

// An IPv4 or IPv6 address in network byte order. An IPv4 address fills the first four octets, and the other octets are
// zero. FlowKey::ip_version distinguishes IPv4 from IPv6.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  bool operator==(const IpAddress&) const = default;
};

using MacAddress = std::array<std::uint8_t, 6>;

// Returns the address as text: dotted decimal for IPv4, RFC 5952 for IPv6. `ip_version` is 4 or 6.
SPANFLOW_EXPORT std::string to_string(const IpAddress& address, unsigned ip_version);

// `src` is the sender of the flow's first packet. Exception: with flow.direction: handshake, if the first packet is a
// SYN-ACK, `src` is the receiver of this packet.
enum class Direction : std::uint8_t { kSrcToDst, kDstToSrc };

constexpr Direction reversed(Direction direction) {
  return direction == Direction::kSrcToDst ? Direction::kDstToSrc : Direction::kSrcToDst;
}

enum class TunnelType : std::uint8_t {
  kNone,
  kIpip,
  kGre,
  kErspan,
  kVxlan,
  kGeneve,
  kGtp,
  kCapwap,
  kTeredo,
  kL2tp,
  kPptp,
  kEtherip,
  kMpls,
  kTzsp,
};
inline constexpr unsigned kTunnelTypes = static_cast<unsigned>(TunnelType::kTzsp) + 1;

// Two packets belong to one flow if their keys are equal, or become equal when src and dst of one key are swapped.
// Ports are 0 if the protocol has no ports (ICMP) or if the ports are unknown (orphaned fragments).
struct FlowKey {
  IpAddress ip_src;
  IpAddress ip_dst;
  std::uint16_t src_port = 0;
  std::uint16_t dst_port = 0;
  std::uint16_t vlan_key_outer = 0;  // outer and inner: 802.1Q VLAN ids that the option flow.vlan_key selects, else 0
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
  std::uint64_t bytes = 0;       // link, IP, transport or payload octets, selected by the option flow.accounting
  std::uint64_t link_bytes = 0;  // layer 2 octets, IPFIX IE 352
  std::uint64_t ip_bytes = 0;    // layer 3 octets, IPFIX IE 1
  std::uint64_t start_ns = 0;    // start_ns, end_ns: earliest and latest packet time; 0 without packets
  std::uint64_t end_ns = 0;
  std::uint32_t tunnel_id = 0;  // latest tunnel id in this direction: GTP TEID, GRE key or ERSPAN session; 0: none
  std::uint8_t tcp_flags = 0;   // bitwise OR of the flags of all packets, IPFIX IE 6
  std::uint8_t dscp = 0;        // DSCP of the first packet, IPFIX IE 195
  std::uint8_t ttl_min = 0;     // ttl_min, ttl_max: least and greatest TTL or hop limit, IPFIX IE 52 and 53
  std::uint8_t ttl_max = 0;
};

// IPFIX IE 239, biflowDirection. kInitiator: src opened the flow. kReverseInitiator: dst opened the flow. kArbitrary:
// the first packet does not show which side opened the flow.
enum class BiflowDirection : std::uint8_t { kArbitrary, kInitiator, kReverseInitiator };

// The value of a user metric that has none, such as the mean of no packets. JSON omits the metric, and its CSV column
// is empty. kNoValue is a NaN: test a value with std::isnan().
inline constexpr double kNoValue = std::numeric_limits<double>::quiet_NaN();

// The names of a run's user metrics, in the order of the record's fields. The texts stay valid until the process ends.
using MetricNames = std::vector<std::string_view>;

// An element of a flow's metric array. The first cell points to the names. The next cells hold one value for each name.
// Aggregates use `count` in additional cells, which records do not have.
union MetricCell {
  const MetricNames* names;
  double value;
  std::uint64_t count;
};

// The user metrics of a flow. The view does not own the values: a copy of the view refers to the same values. (A copy
// of a FlowRecord has its own values.) Values are doubles, so integers are exact up to 2^53.
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

// Bits of Flow::overload: the work that a live worker left out of a flow because of overload.
enum Shedding : std::uint8_t {
  kShedDpi = 1,       // nDPI got fewer packets of the flow; set only in records, not in open flows
  kShedFeatures = 2,  // the flow has no features.statistics, features.splt or features.tcp
  kShedFlows = 4,     // only some new flows were metered; this flow stands for sampling_rate flows
  kShedNames = 8,     // spanflow's readers did not read the flow's payload
};

// A segment of a flow. While the flow is open, the values cover the packets that have been counted so far.
struct Flow : FlowKey {
  std::uint64_t start_ns = 0;  // start_ns, end_ns: earliest and latest packet time of this segment
  std::uint64_t end_ns = 0;
  std::uint64_t flow_id = 0;        // hash of sensor_id, key and time of the first packet; the same in all segments
  std::uint32_t segment = 0;        // number of the segment in its flow, counted from 0
  std::uint16_t vlan_id = 0;        // innermost VLAN id of the first packet; 0: no tag
  std::uint16_t vlan_outer_id = 0;  // outermost VLAN id of the first packet if it has several tags, else 0
  MacAddress src_mac{};             // MAC addresses of the first packet; all 0 without Ethernet
  MacAddress dst_mac{};
  std::uint8_t icmp_type = 0;  // ICMP type and code of the first packet
  std::uint8_t icmp_code = 0;
  BiflowDirection biflow_direction = BiflowDirection::kArbitrary;
  bool ends_now = false;            // true after finish()
  std::uint32_t sampling_rate = 1;  // one in sampling_rate new flows was metered when this flow began; 1: all flows
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

// One packet of a flow. The octets at `ip` are valid during a call only.
struct PacketInfo {
  std::uint64_t time_ns = 0;
  std::uint32_t size = 0;            // octets of the whole frame
  std::uint32_t ip_size = 0;         // octets from the IP header on
  std::uint32_t transport_size = 0;  // octets from the transport header on
  std::uint32_t payload_size = 0;    // octets after the transport header
  // Time since the latest packet of the segment, in either direction. 0 for the first packet of a segment, and if the
  // packet is older than the latest one. Set only if there are user metrics.
  std::uint64_t gap_ns = 0;
  const std::uint8_t* ip = nullptr;  // the captured octets of the innermost IP packet, without padding
  std::uint32_t ip_captured = 0;     // number of octets at `ip`
  std::uint16_t tcp_window = 0;      // window field of the TCP header, without window scaling
  bool has_tcp_window = false;       // false: not a TCP packet, or the window field was not captured
  std::uint8_t ttl = 0;              // IPv4 TTL or IPv6 hop limit
  std::uint8_t tcp_flags = 0;
  std::uint8_t dscp = 0;  // differentiated services code point
  Direction direction = Direction::kSrcToDst;
};

// Why a segment ended: inactive timeout, active timeout, TCP connection closed (FIN in both directions, or RST), end of
// the capture, eviction from a full flow table, Flow::finish().
enum class EndReason : std::uint8_t { kInactive, kActive, kClosed, kCaptureEnd, kEvicted, kPlugin };

// The clock that gave the packet times: the capture file, the kernel, the CPU's timestamp counter (TSC) or the NIC.
enum class TimestampSource : std::uint8_t { kFile, kKernel, kTsc, kNic };

// Summary of a series of values; all 0 for an empty series. stddev is the sample standard deviation.
struct Distribution {
  double min = 0;
  double mean = 0;
  double stddev = 0;
  double max = 0;
};

struct SideStatistics {
  Distribution packet_size;    // sizes in octets of the layer that flow.accounting selects
  Distribution inter_arrival;  // gaps between packets, in ns
  // Gaps in ms between packet times that are truncated to ms. All 0 if no sink writes nfstream's columns.
  Distribution inter_arrival_ms;
  std::array<std::uint64_t, 8> tcp_flag_pkts{};  // packets with FIN, SYN, RST, PSH, ACK, URG, ECE, CWR, in this order
};

// Values of the option features.statistics.
struct FlowStatistics {
  SideStatistics bidirectional;
  SideStatistics src_to_dst;
  SideStatistics dst_to_src;
};

// One of the first packets of a segment, for the option features.splt.
struct EarlyPacket {
  std::uint64_t time_ns = 0;  // packet time, but at least the time of the previous element
  std::uint32_t size = 0;     // size in octets of the layer that flow.accounting selects
  Direction direction = Direction::kSrcToDst;
};

// Keys of the metadata that spanflow's readers and nDPI find in a flow's packets. A value is a text of at most 8192
// octets, or a number or a list where this is noted.
enum class Metadata : std::uint8_t {
  kServerName,  // server name as nDPI reports it, for protocols without a reader of spanflow's
  kDnsName,     // what src asked DNS for before, if the answer was dst
  kTlsServerName,
  kTlsAlpn,      // list: application protocols that the client offered
  kTlsVersions,  // list: versions that the client offered
  kJa3Client,
  kJa4,
  kTlsEch,          // number: 1: the client sent Encrypted Client Hello or GREASE for it, 2: the server accepted it
  kTlsEchConfigId,  // number
  kTlsVersion,      // kTlsVersion to kTlsResumed: from the server's hello and what follows it
  kTlsCipher,
  kTlsAlpnChosen,
  kJa3Server,
  kTlsResumed,  // number: 1 or 0
  kTlsIssuer,   // kTlsIssuer to kTlsSha256: from the server's certificate
  kTlsSubject,
  kTlsNames,      // list
  kTlsNotBefore,  // number: seconds since the epoch
  kTlsNotAfter,   // number: seconds since the epoch
  kTlsSerial,
  kTlsSha256,
  kQuicVersion,
  kHttpMethod,
  kHttpHost,
  kHttpUrl,
  kHttpVersion,
  kHttpStatus,    // number
  kHttpRequests,  // number
  kUserAgent,
  kContentType,
  kDnsQuery,
  kDnsQueryType,     // number
  kDnsReplyCode,     // number
  kDnsFlags,         // number
  kDnsAnswer,        // the first address in the answer
  kDnsAnswers,       // list
  kDnsLeastTtl,      // number: seconds
  kDnsResponse,      // number: ns from the query to the reply
  kDnsTransactions,  // number
  kDnsFailedQuery,
  kDnsFailedCode,  // number
  kDnsProtocol,
  kDnsOpen,  // not for users: the queries that still wait for a reply
  kSshClient,
  kSshServer,
  kHasshClient,
  kHasshServer,
  kRisks,      // names, separated by ", "
  kRiskScore,  // number
};

struct FlowMetadata {
  std::string octets;          // all keys and values, encoded
  std::uint64_t keys = ~0ULL;  // if the bit of a key is 0, `octets` does not have the key and is not searched

  // Sets `keys` to one bit for each key in `octets`.
  SPANFLOW_EXPORT void note_keys();
  // Returns the value of a key. If the flow does not have the key, text() returns an empty text and number() returns
  // nullopt. The text is a view into `octets`.
  SPANFLOW_EXPORT std::string_view text(Metadata key) const;
  SPANFLOW_EXPORT std::optional<std::uint64_t> number(Metadata key) const;
  // Calls `take` with each element of a list, in order.
  template <typename Take>
  void for_each(Metadata key, Take take) const {
    for (std::size_t at = find(key, 0); at < octets.size(); at = find(key, after(at))) take(value_at(at));
  }

  // The items of `octets`, by position. find() returns octets.size() if no item at `from` or later has the key.
  SPANFLOW_EXPORT std::size_t find(Metadata key, std::size_t from) const;
  SPANFLOW_EXPORT std::size_t after(std::size_t at) const;
  SPANFLOW_EXPORT std::string_view value_at(std::size_t at) const;
};

// Counts and options of one direction of a TCP connection, from the captured packets.
struct TcpSideQuality {
  std::uint64_t retransmitted_pkts = 0;
  std::uint64_t out_of_order_pkts = 0;
  std::uint64_t zero_window_pkts = 0;  // packets that advertise a receive window of 0
  std::uint64_t gaps = 0;              // packets that begin beyond the expected sequence number: octets are missing
  std::optional<std::uint16_t> mss;    // octets, from the SYN of this direction
  std::optional<std::uint8_t> window_scale;  // shift count, from the SYN of this direction
};

// Values of the option features.tcp. An optional value is absent if the packets that it needs were not captured.
struct TcpQuality {
  std::optional<std::uint64_t> server_rtt_ns;  // time from SYN to SYN-ACK
  std::optional<std::uint64_t> client_rtt_ns;  // time from SYN-ACK to ACK
  std::optional<std::uint64_t> response_ns;    // time from the last packet of a request to its first response packet
  TcpSideQuality src_to_dst;
  TcpSideQuality dst_to_src;
  // Zeek's history: a letter for each kind of packet, in order of first appearance. Upper case: sent by src. Lower
  // case: sent by dst.
  std::string history;
};

// The values that optional features add to a record.
struct FlowExtras {
  FlowMetadata metadata;  // from the options features.names and dpi.metadata
  bool has_statistics = false;
  FlowStatistics statistics;
  std::vector<EarlyPacket> early_packets;
  std::uint32_t early_packets_kept = 0;  // limit of early_packets, from the option features.splt; 0: switched off
  bool has_tcp_quality = false;          // true for TCP flows only
  TcpQuality tcp_quality;

  bool empty() const {
    return metadata.octets.empty() && !has_statistics && early_packets_kept == 0 && !has_tcp_quality;
  }
};

// A view of a record's extras. In a record from the pipeline, the view refers to memory of the worker. A copy of a view
// owns a copy of the extras, so a copied record can be kept. Test the view with operator bool before operator->.
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

// The members of a FlowRecord. The string_view texts stay valid until the process ends.
struct RecordFields : Flow {
  std::string_view application_name;        // nDPI's application name, such as "TLS.Instagram"; "Unknown" if not known
  std::string_view category_name;           // nDPI's category of the application, such as "SocialNetwork"
  std::string_view sensor_id;               // the option sensor_id, may be empty
  std::uint8_t application_confidence = 0;  // nDPI's confidence, a value of ndpi_confidence_t
  bool application_is_guessed = false;      // true: nDPI used only addresses and ports
  bool has_application = false;             // false if the option dpi.enabled is false
  EndReason end_reason = EndReason::kInactive;
  TimestampSource timestamp_source = TimestampSource::kFile;
  std::uint16_t worker = 0;             // number of the worker that metered the flow
  std::uint64_t sequence = 0;           // number of the record in this run, counted from 0
  std::uint16_t community_id_seed = 0;  // the option output.community_id_seed
  ExtrasView extras;                    // empty if the record has no metadata and no features
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

// Returns the value of the record field export_reason: 0 inactive, 1 active, 2 termination (TCP close or end of
// capture), 3 evicted, 4 plugin (user metric).
SPANFLOW_EXPORT int export_reason(EndReason reason);
// Returns IPFIX IE 136, flowEndReason: 1 idle timeout, 2 active timeout, 3 end of flow, 4 forced end (capture end, user
// metric), 5 lack of resources.
SPANFLOW_EXPORT int flow_end_reason(EndReason reason);

// Writes one JSON object with all fields of spanflowd's default output, without a line end.
SPANFLOW_EXPORT std::ostream& operator<<(std::ostream& out, const FlowRecord& record);

}  // namespace spanflow

// What spanflow says of a flow: its key, its state while it lives, and its record once a segment has ended.
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

namespace spanflow {

// IPv4 fills the first four bytes and leaves the rest zero; which of the two it is stands in FlowKey::ip_version.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  bool operator==(const IpAddress&) const = default;
};

using MacAddress = std::array<std::uint8_t, 6>;

// Dotted or RFC 5952 text. `ip_version` is 4 or 6.
std::string to_string(const IpAddress& address, unsigned ip_version);

// `src` is the sender of the flow's first packet (or what flow.direction makes of it).
enum class Direction : std::uint8_t { kSrcToDst, kDstToSrc };

constexpr Direction reversed(Direction direction) {
  return direction == Direction::kSrcToDst ? Direction::kDstToSrc : Direction::kSrcToDst;
}

enum class TunnelType : std::uint8_t { kNone, kIpip, kGre, kErspan, kVxlan, kGeneve, kGtp, kCapwap };
inline constexpr unsigned kTunnelTypes = static_cast<unsigned>(TunnelType::kCapwap) + 1;

// What makes two packets belong to one flow. Both directions of a flow have the same key but for src and dst, which
// swap. Ports are 0 where the protocol has none (ICMP) or they are unknown (orphaned fragments).
struct FlowKey {
  IpAddress ip_src;
  IpAddress ip_dst;
  std::uint16_t src_port = 0;
  std::uint16_t dst_port = 0;
  std::uint16_t vlan_key_outer = 0;  // 802.1Q ids that flow.vlan_key selects, else 0
  std::uint16_t vlan_key_inner = 0;
  std::uint32_t tunnel_key = 0;  // the VNI (or key, or session) where both directions share it, else 0
  std::uint8_t ip_protocol = 0;
  std::uint8_t ip_version = 0;
  TunnelType tunnel_type = TunnelType::kNone;
  std::uint8_t unused = 0;  // keeps the key free of padding: it is hashed as bytes
  bool operator==(const FlowKey&) const = default;
};
static_assert(sizeof(FlowKey) == 48);

// What one direction of a flow added up to. Octets count what was on the wire, whatever the snap length.
struct FlowSide {
  std::uint64_t pkts = 0;
  std::uint64_t bytes = 0;       // as flow.accounting says: link, ip, transport or payload octets
  std::uint64_t link_bytes = 0;  // layer 2 octets, IPFIX IE 352
  std::uint64_t ip_bytes = 0;    // layer 3 octets, IPFIX IE 1
  std::uint64_t start_ns = 0;    // least and greatest packet time, ns since the epoch; 0 without packets
  std::uint64_t end_ns = 0;
  std::uint32_t tunnel_id = 0;  // an id of this direction only, such as a GTP TEID
  std::uint8_t tcp_flags = 0;   // union of the flags, IPFIX IE 6
  std::uint8_t dscp = 0;        // of the first packet, IPFIX IE 195
  std::uint8_t ttl_min = 0;     // least and greatest TTL or hop limit, IPFIX IE 52 and 53
  std::uint8_t ttl_max = 0;
};

// IPFIX IE 239, biflowDirection.
enum class BiflowDirection : std::uint8_t { kArbitrary, kInitiator, kReverseInitiator };

// The value of a user metric that has none, such as the mean of nothing: absent from JSON, empty in CSV.
inline constexpr double kNoValue = std::numeric_limits<double>::quiet_NaN();

// The user metrics of a run, in the order in which records show them. Lives as long as the process.
using MetricNames = std::vector<std::string_view>;

// The first of a flow's cells leads to the names; then comes a value for each.
union MetricCell {
  const MetricNames* names;
  double value;
  std::uint64_t count;
};

// A flow's user metrics, wherever its owner keeps them: a copy leads to the same ones, but that of a FlowRecord has
// its own. Numbers are exact up to 2^53.
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

// What was left out of a flow because a live worker fell behind: sums of these bits.
enum Shedding : std::uint8_t {
  kShedDpi = 1,       // nDPI saw fewer packets than it might have; known once the flow has ended
  kShedFeatures = 2,  // features.statistics, splt and tcp
  kShedFlows = 4,     // other flows: this one stands for sampling_rate of them
};

// A flow while it lives: what it has been so far.
struct Flow : FlowKey {
  std::uint64_t start_ns = 0;  // least and greatest packet time of this segment, ns since the epoch
  std::uint64_t end_ns = 0;
  std::uint64_t flow_id = 0;  // the same for every segment of a flow, on every run and on any number of workers
  std::uint32_t segment = 0;  // 0, then one more after each active timeout
  std::uint16_t vlan_id = 0;  // of the first packet: the innermost tag, and the outermost if there are several
  std::uint16_t vlan_outer_id = 0;
  MacAddress src_mac{};  // of the first packet's frame; all 0 without Ethernet
  MacAddress dst_mac{};
  std::uint8_t icmp_type = 0;  // of the first packet
  std::uint8_t icmp_code = 0;
  BiflowDirection biflow_direction = BiflowDirection::kArbitrary;
  bool ends_now = false;            // finish() was called
  std::uint32_t sampling_rate = 1;  // one in so many flows was kept when this one began
  std::uint8_t overload = 0;        // Shedding
  FlowSide src_to_dst;
  FlowSide dst_to_src;
  MetricsView metrics;  // empty without user metrics

  // For a user metric: ends the flow with the packet that it is looking at.
  void finish() { ends_now = true; }

  FlowSide& side(Direction direction) { return direction == Direction::kSrcToDst ? src_to_dst : dst_to_src; }
  const FlowSide& side(Direction direction) const {
    return direction == Direction::kSrcToDst ? src_to_dst : dst_to_src;
  }
};

// One packet as the flow it belongs to sees it. Sizes in octets, as on the wire.
struct PacketInfo {
  std::uint64_t time_ns = 0;
  std::uint32_t size = 0;            // the whole frame
  std::uint32_t ip_size = 0;         // from the IP header on
  std::uint32_t transport_size = 0;  // from the transport header on
  std::uint32_t payload_size = 0;    // above the transport header
  std::uint64_t gap_ns = 0;          // since the flow's packet before; set where there are user metrics
  std::uint16_t tcp_window = 0;      // as in the header, not scaled
  bool has_tcp_window = false;       // false if it is no TCP packet, or not all of its header was captured
  std::uint8_t ttl = 0;              // or IPv6 hop limit
  std::uint8_t tcp_flags = 0;
  std::uint8_t dscp = 0;  // differentiated services code point
  Direction direction = Direction::kSrcToDst;
};

enum class EndReason : std::uint8_t { kInactive, kActive, kClosed, kCaptureEnd, kEvicted, kPlugin };

enum class TimestampSource : std::uint8_t { kFile, kKernel, kTsc, kNic };

// Of a series of values; all 0 where there is none. The deviation is that of a sample.
struct Distribution {
  double min = 0;
  double mean = 0;
  double stddev = 0;
  double max = 0;
};

struct SideStatistics {
  Distribution packet_size;                      // octets, as flow.accounting says
  Distribution inter_arrival;                    // ns between one packet and the next
  Distribution inter_arrival_ms;                 // of times in whole ms, where nfstream's columns are asked for; else 0
  std::array<std::uint64_t, 8> tcp_flag_pkts{};  // packets with FIN, SYN, RST, PSH, ACK, URG, ECE, CWR
};

// features.statistics.
struct FlowStatistics {
  SideStatistics bidirectional;
  SideStatistics src_to_dst;
  SideStatistics dst_to_src;
};

// features.splt: one of the first packets of a segment.
struct EarlyPacket {
  std::uint64_t time_ns = 0;  // since the epoch; never less than that of the packet before
  std::uint32_t size = 0;     // octets, as flow.accounting says
  Direction direction = Direction::kSrcToDst;
};

// What inspection read out of a flow's packets: texts, but for those named as numbers.
enum class Metadata : std::uint8_t {
  kServerName,  // as nDPI says it: TLS server name, HTTP host, DNS query, ...
  kJa3Client,
  kJa3Server,
  kTlsServerName,  // as spanflow reads it, whole
  kJa4,
  kTlsVersion,
  kTlsCipher,
  kTlsAlpn,
  kTlsIssuer,
  kTlsSubject,
  kTlsNotBefore,  // number: seconds since the epoch
  kTlsNotAfter,   // number
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
  std::string octets;        // all of it, encoded
  std::uint32_t keys = ~0U;  // a bit for each key that it may have: most are asked for in vain

  // Leaves in `keys` those that `octets` has.
  void note_keys();
  // Views into `octets`; empty and nothing where the flow has none.
  std::string_view text(Metadata key) const;
  std::optional<std::uint64_t> number(Metadata key) const;
};

// One direction of a TCP connection, by what its packets carried.
struct TcpSideQuality {
  std::uint64_t retransmitted_pkts = 0;
  std::uint64_t out_of_order_pkts = 0;
  std::uint64_t zero_window_pkts = 0;        // that said its own receive window is closed
  std::uint64_t gaps = 0;                    // packets with a number beyond the next: something before them is missing
  std::optional<std::uint16_t> mss;          // from its SYN
  std::optional<std::uint8_t> window_scale;  // from its SYN, the shift
};

// features.tcp. What was not seen has no value.
struct TcpQuality {
  std::optional<std::uint64_t> server_rtt_ns;  // SYN to SYN-ACK
  std::optional<std::uint64_t> client_rtt_ns;  // SYN-ACK to ACK
  std::optional<std::uint64_t> response_ns;    // last packet of a request to the first of its answer
  TcpSideQuality src_to_dst;
  TcpSideQuality dst_to_src;
  std::string history;  // a letter for each kind of packet, in the order of their first; lower case from dst
};

// What the optional features add to a record.
struct FlowExtras {
  FlowMetadata metadata;  // dpi.metadata
  bool has_statistics = false;
  FlowStatistics statistics;
  std::vector<EarlyPacket> early_packets;
  std::uint32_t early_packets_kept = 0;  // features.splt: a shorter flow has fewer
  bool has_tcp_quality = false;          // of TCP flows only
  TcpQuality tcp_quality;

  bool empty() const {
    return metadata.octets.empty() && !has_statistics && early_packets_kept == 0 && !has_tcp_quality;
  }
};

// The extras of a record: a view of where a worker keeps them. A copy owns its own, so a copied record can be kept.
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

// The members of a FlowRecord. Texts live as long as the process.
struct RecordFields : Flow {
  std::string_view application_name;        // as nDPI says it: "TLS.Instagram"; "Unknown" without a verdict
  std::string_view category_name;           // "SocialNetwork"
  std::string_view sensor_id;               // as configured, may be empty
  std::uint8_t application_confidence = 0;  // nDPI's number
  bool application_is_guessed = false;
  bool has_application = false;  // false with dpi.enabled: false
  EndReason end_reason = EndReason::kInactive;
  TimestampSource timestamp_source = TimestampSource::kFile;
  std::uint16_t worker = 0;
  std::uint64_t sequence = 0;           // of the run: 0, then one more with each record that is exported
  std::uint16_t community_id_seed = 0;  // output.community_id_seed
  ExtrasView extras;                    // empty with all features off
};

// A segment of a flow that has ended: what a sink sees. The metrics of a copy are its own, as its extras are.
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

// The documented code: 0 inactive, 1 active, 2 termination (TCP close, capture end), 3 evicted, 4 plugin.
int export_reason(EndReason reason);
// IPFIX IE 136, flowEndReason: 1 idle, 2 active, 3 end of flow, 4 forced end, 5 lack of resources.
int flow_end_reason(EndReason reason);

// One JSON object with every field that spanflowd's default output has.
std::ostream& operator<<(std::ostream& out, const FlowRecord& record);

}  // namespace spanflow

#include "sinks/field_table.h"

#include <algorithm>
#include <array>

#include "base/boot_id.h"
#include "decode/tunnel_names.h"
#include "inspect/metadata.h"
#include "metrics/community_id.h"

namespace spanflow {
namespace {

using Record = const FlowRecord&;

std::string_view end_reason_name(Record record) {
  constexpr std::array<std::string_view, 6> kNames = {"inactive",    "active",  "closed",
                                                      "capture_end", "evicted", "plugin"};
  static_assert(kNames.size() == static_cast<std::size_t>(EndReason::kPlugin) + 1);
  return kNames[static_cast<std::size_t>(record.end_reason)];
}

std::string_view timestamp_source_name(Record record) {
  constexpr std::array<std::string_view, 4> kNames = {"file", "kernel", "tsc", "nic"};
  static_assert(kNames.size() == static_cast<std::size_t>(TimestampSource::kNic) + 1);
  return kNames[static_cast<std::size_t>(record.timestamp_source)];
}

// Returns the names of the work that was left out. The index of kNames is a set of Shedding bits.
std::optional<std::string_view> shedding_names(Record record) {
  static constexpr std::array<std::string_view, 16> kNames = {"",
                                                              "dpi",
                                                              "features",
                                                              "dpi, features",
                                                              "flows",
                                                              "dpi, flows",
                                                              "features, flows",
                                                              "dpi, features, flows",
                                                              "names",
                                                              "names, dpi",
                                                              "names, features",
                                                              "names, dpi, features",
                                                              "names, flows",
                                                              "names, dpi, flows",
                                                              "names, features, flows",
                                                              "names, dpi, features, flows"};
  return text_or_missing(kNames[record.overload]);
}

// Returns the name that the client asked for: the first one that the record has of these keys.
template <Metadata... keys>
std::optional<std::string_view> first_name(Record record) {
  std::optional<std::string_view> name;
  (void)((name = metadata_text(record, keys)) || ...);
  return name;
}
template <Metadata... keys>
using FirstName = FromMetadata<first_name<keys...>, keys...>;

// Tells what is known of Encrypted Client Hello. A client that has asked DNS for the name that it says in its hello
// hides nothing: it only pretends to (GREASE). A client that has asked for another name may hide it, or may have the
// name in its hello from elsewhere.
std::optional<std::string_view> ech(Record record) {
  const auto state = metadata_number(record, Metadata::kTlsEch);
  if (!state) return std::nullopt;
  if (*state == kEchAccepted) return "real";
  const auto asked = metadata_text(record, Metadata::kDnsName);
  return asked && asked == metadata_text(record, Metadata::kTlsServerName) ? "grease" : "offered";
}

std::optional<std::string_view> ech_outer_name(Record record) {
  const auto state = ech(record);
  return state && *state != "grease" ? metadata_text(record, Metadata::kTlsServerName) : std::nullopt;
}

// STATISTICS makes the fields with the statistics of one side. PREFIX is the start of the field names, SIDE a member of
// FlowStatistics, and FIRST the number of the first field.
#define STATISTIC(NAME, NUMBER, SIDE, UNIT, HELP, EXPRESSION)                                         \
  Field {                                                                                             \
    NAME, NUMBER, FieldGroup::kStatistics, UNIT, HELP, [](Record r) {                                 \
      return statistic(r, &FlowStatistics::SIDE, [](const SideStatistics& s) { return EXPRESSION; }); \
    }                                                                                                 \
  }
#define DISTRIBUTION(PREFIX, SUFFIX, FIRST, SIDE, MEMBER, UNIT, WHAT)                                     \
  STATISTIC(PREFIX "_min_" SUFFIX, FIRST, SIDE, UNIT, "smallest " WHAT, whole(s.MEMBER.min)),             \
      STATISTIC(PREFIX "_mean_" SUFFIX, (FIRST) + 1, SIDE, UNIT, "mean " WHAT, RealValue{s.MEMBER.mean}), \
      STATISTIC(PREFIX "_stddev_" SUFFIX, (FIRST) + 2, SIDE, UNIT, "standard deviation of the " WHAT,     \
                RealValue{s.MEMBER.stddev}),                                                              \
      STATISTIC(PREFIX "_max_" SUFFIX, (FIRST) + 3, SIDE, UNIT, "largest " WHAT, whole(s.MEMBER.max))
#define FLAG(PREFIX, FLAG_NAME, NUMBER, SIDE, BIT)                                                         \
  STATISTIC(PREFIX "_" FLAG_NAME "_pkts", NUMBER, SIDE, "packets", "packets with the TCP flag " FLAG_NAME, \
            number(s.tcp_flag_pkts[BIT]))
#define STATISTICS(PREFIX, SIDE, FIRST)                                                                   \
  DISTRIBUTION(PREFIX, "ps", FIRST, SIDE, packet_size, "octets", "packet size, as flow.accounting says"), \
      DISTRIBUTION(PREFIX, "piat_ns", (FIRST) + 4, SIDE, inter_arrival, "ns", "time between packets"),    \
      FLAG(PREFIX, "fin", (FIRST) + 8, SIDE, 0), FLAG(PREFIX, "syn", (FIRST) + 9, SIDE, 1),               \
      FLAG(PREFIX, "rst", (FIRST) + 10, SIDE, 2), FLAG(PREFIX, "psh", (FIRST) + 11, SIDE, 3),             \
      FLAG(PREFIX, "ack", (FIRST) + 12, SIDE, 4), FLAG(PREFIX, "urg", (FIRST) + 13, SIDE, 5),             \
      FLAG(PREFIX, "ece", (FIRST) + 14, SIDE, 6), FLAG(PREFIX, "cwr", (FIRST) + 15, SIDE, 7)

#define TCP(NAME, NUMBER, UNIT, HELP, EXPRESSION)                                               \
  Field {                                                                                       \
    NAME, NUMBER, FieldGroup::kTcp, UNIT, HELP,                                                 \
        [](Record r) { return tcp_quality(r, [](const TcpQuality& q) { return EXPRESSION; }); } \
  }
#define TCP_SIDE(SIDE, FIRST)                                                                                       \
  TCP(#SIDE "_retransmitted_pkts", FIRST, "packets", "packets whose octets had already been sent",                  \
      number(q.SIDE.retransmitted_pkts)),                                                                           \
      TCP(#SIDE "_out_of_order_pkts", (FIRST) + 1, "packets",                                                       \
          "packets that arrived after packets with later sequence numbers", number(q.SIDE.out_of_order_pkts)),      \
      TCP(#SIDE "_zero_window_pkts", (FIRST) + 2, "packets", "packets that announced a closed receive window",      \
          number(q.SIDE.zero_window_pkts)),                                                                         \
      TCP(#SIDE "_gaps", (FIRST) + 3, "", "number of times that octets were missing before a packet",               \
          number(q.SIDE.gaps)),                                                                                     \
      TCP(#SIDE "_mss", (FIRST) + 4, "octets", "maximum segment size, from the SYN of this direction", q.SIDE.mss), \
      TCP(#SIDE "_window_scale", (FIRST) + 5, "", "window scale shift, from the SYN of this direction",             \
          q.SIDE.window_scale)

// The classic fields come first. Their names and their order are fixed, because existing readers rely on them. A
// field's number identifies it in protobuf and is never used for another field: the numbers of removed fields go into
// kRetiredNumbers. The next new number is 115.
constexpr std::array kFields = {
    Field{"ip_src", 1, FieldGroup::kClassic, "", "address of the sender of the flow's first packet",
          [](Record r) {
            return AddressValue{&r.ip_src, r.ip_version};
          },
          "sourceIPv4Address"},
    Field{"src_port", 2, FieldGroup::kClassic, "", "port of ip_src; 0 if the protocol has no ports",
          [](Record r) { return number(r.src_port); }, "sourceTransportPort"},
    Field{"ip_dst", 3, FieldGroup::kClassic, "", "address of the receiver of the first packet",
          [](Record r) {
            return AddressValue{&r.ip_dst, r.ip_version};
          },
          "destinationIPv4Address"},
    Field{"dst_port", 4, FieldGroup::kClassic, "", "port of ip_dst", [](Record r) { return number(r.dst_port); },
          "destinationTransportPort"},
    Field{"ip_protocol", 5, FieldGroup::kClassic, "", "IP protocol number: 6 TCP, 17 UDP",
          [](Record r) { return number(r.ip_protocol); }, "protocolIdentifier"},
    Field{"src_to_dst_pkts", 6, FieldGroup::kClassic, "packets", "packets from src to dst",
          [](Record r) { return number(r.src_to_dst.pkts); }, "packetDeltaCount"},
    Field{"dst_to_src_pkts", 7, FieldGroup::kClassic, "packets", "packets from dst to src",
          [](Record r) { return number(r.dst_to_src.pkts); }, "reversePacketDeltaCount"},
    Field{"src_to_dst_bytes", 8, FieldGroup::kClassic, "octets", "octets from src to dst, as flow.accounting says",
          [](Record r) { return number(r.src_to_dst.bytes); }},
    Field{"dst_to_src_bytes", 9, FieldGroup::kClassic, "octets", "octets from dst to src, as flow.accounting says",
          [](Record r) { return number(r.dst_to_src.bytes); }},
    Field{"application_name", 10, FieldGroup::kClassic, "", "application as nDPI names it: TLS.Instagram",
          [](Record r) { return dpi_only(r, LabelValue{r.application_name}); }, "applicationName"},
    Field{"category_name", 11, FieldGroup::kClassic, "", "nDPI's category of the application: SocialNetwork",
          [](Record r) { return dpi_only(r, LabelValue{r.category_name}); }, "applicationCategoryName"},
    Field{"start_time", 12, FieldGroup::kClassic, "ms since the epoch", "time of the segment's first packet",
          [](Record r) { return milliseconds(r.start_ns); }, "flowStartMilliseconds"},
    Field{"end_time", 13, FieldGroup::kClassic, "ms since the epoch", "time of the segment's last packet",
          [](Record r) { return milliseconds(r.end_ns); }, "flowEndMilliseconds"},
    Field{"export_reason", 14, FieldGroup::kClassic, "",
          "0 inactive, 1 active, 2 termination (TCP closed or capture end), 3 evicted, 4 plugin",
          [](Record r) { return number(static_cast<std::uint8_t>(export_reason(r.end_reason))); }},

    Field{"flow_id", 15, FieldGroup::kFlow, "", "id of the flow, the same for all its segments and on every run",
          [](Record r) { return HexValue{r.flow_id}; }, "flowId"},
    Field{"community_id", 16, FieldGroup::kFlow, "",
          "Community ID version 1, as in Zeek and Suricata; in a tunnel, of the inner flow",
          [](Record r) { return community_id(r, r.icmp_type, r.icmp_code, r.community_id_seed); }},
    Field{"segment", 17, FieldGroup::kFlow, "", "number of the segment, from 0; each active timeout adds 1",
          [](Record r) { return number(r.segment); }},
    Field{"end_reason", 18, FieldGroup::kFlow, "", "inactive, active, closed, capture_end, evicted or plugin",
          [](Record r) { return LabelValue{end_reason_name(r)}; }},
    Field{"flow_end_reason", 19, FieldGroup::kFlow, "",
          "1 idle timeout, 2 active timeout, 3 end of flow, 4 forced end, 5 lack of resources",
          [](Record r) { return number(static_cast<std::uint8_t>(flow_end_reason(r.end_reason))); }, "flowEndReason"},
    Field{"start_time_ns", 20, FieldGroup::kFlow, "ns since the epoch", "time of the segment's first packet",
          [](Record r) { return number(r.start_ns); }},
    Field{"end_time_ns", 21, FieldGroup::kFlow, "ns since the epoch", "time of the segment's last packet",
          [](Record r) { return number(r.end_ns); }},
    Field{"duration_ns", 22, FieldGroup::kFlow, "ns", "time from the first packet to the last",
          [](Record r) { return number(r.end_ns - r.start_ns); }},
    Field{"ip_version", 23, FieldGroup::kFlow, "", "4 or 6", [](Record r) { return number(r.ip_version); },
          "ipVersion"},
    Field{"src_to_dst_ip_bytes", 24, FieldGroup::kFlow, "octets", "layer 3 octets from src to dst",
          [](Record r) { return number(r.src_to_dst.ip_bytes); }, "octetDeltaCount"},
    Field{"dst_to_src_ip_bytes", 25, FieldGroup::kFlow, "octets", "layer 3 octets from dst to src",
          [](Record r) { return number(r.dst_to_src.ip_bytes); }, "reverseOctetDeltaCount"},
    Field{"src_to_dst_link_bytes", 26, FieldGroup::kFlow, "octets", "layer 2 octets from src to dst",
          [](Record r) { return number(r.src_to_dst.link_bytes); }, "layer2OctetDeltaCount"},
    Field{"dst_to_src_link_bytes", 27, FieldGroup::kFlow, "octets", "layer 2 octets from dst to src",
          [](Record r) { return number(r.dst_to_src.link_bytes); }, "reverseLayer2OctetDeltaCount"},
    Field{"src_to_dst_tcp_flags", 28, FieldGroup::kFlow, "", "union of the TCP flags from src to dst",
          [](Record r) { return tcp_only(r, r.src_to_dst.tcp_flags); }, "tcpControlBits"},
    Field{"dst_to_src_tcp_flags", 29, FieldGroup::kFlow, "", "union of the TCP flags from dst to src",
          [](Record r) { return tcp_only(r, r.dst_to_src.tcp_flags); }, "reverseTcpControlBits"},
    Field{"src_to_dst_start_time_ns", 30, FieldGroup::kFlow, "ns since the epoch",
          "time of the first packet from src to dst",
          [](Record r) { return if_any(r.src_to_dst, r.src_to_dst.start_ns); }, "flowStartNanoseconds"},
    Field{"src_to_dst_end_time_ns", 31, FieldGroup::kFlow, "ns since the epoch",
          "time of the last packet from src to dst", [](Record r) { return if_any(r.src_to_dst, r.src_to_dst.end_ns); },
          "flowEndNanoseconds"},
    Field{"dst_to_src_start_time_ns", 32, FieldGroup::kFlow, "ns since the epoch",
          "time of the first packet from dst to src",
          [](Record r) { return if_any(r.dst_to_src, r.dst_to_src.start_ns); }, "reverseFlowStartNanoseconds"},
    Field{"dst_to_src_end_time_ns", 33, FieldGroup::kFlow, "ns since the epoch",
          "time of the last packet from dst to src", [](Record r) { return if_any(r.dst_to_src, r.dst_to_src.end_ns); },
          "reverseFlowEndNanoseconds"},
    Field{"src_to_dst_dscp", 34, FieldGroup::kFlow, "",
          "differentiated services code point of the first packet from src to dst",
          [](Record r) { return if_any(r.src_to_dst, r.src_to_dst.dscp); }, "ipDiffServCodePoint"},
    Field{"dst_to_src_dscp", 35, FieldGroup::kFlow, "",
          "differentiated services code point of the first packet from dst to src",
          [](Record r) { return if_any(r.dst_to_src, r.dst_to_src.dscp); }, "reverseIpDiffServCodePoint"},
    Field{"src_to_dst_ttl_min", 36, FieldGroup::kFlow, "", "smallest TTL or hop limit from src to dst",
          [](Record r) { return if_any(r.src_to_dst, r.src_to_dst.ttl_min); }, "minimumTTL"},
    Field{"src_to_dst_ttl_max", 37, FieldGroup::kFlow, "", "largest TTL or hop limit from src to dst",
          [](Record r) { return if_any(r.src_to_dst, r.src_to_dst.ttl_max); }, "maximumTTL"},
    Field{"dst_to_src_ttl_min", 38, FieldGroup::kFlow, "", "smallest TTL or hop limit from dst to src",
          [](Record r) { return if_any(r.dst_to_src, r.dst_to_src.ttl_min); }, "reverseMinimumTTL"},
    Field{"dst_to_src_ttl_max", 39, FieldGroup::kFlow, "", "largest TTL or hop limit from dst to src",
          [](Record r) { return if_any(r.dst_to_src, r.dst_to_src.ttl_max); }, "reverseMaximumTTL"},
    Field{"icmp_type", 40, FieldGroup::kFlow, "", "ICMP type of the first packet",
          [](Record r) { return icmp_only(r, r.icmp_type); }, "icmpTypeIPv4"},
    Field{"icmp_code", 41, FieldGroup::kFlow, "", "ICMP code of the first packet",
          [](Record r) { return icmp_only(r, r.icmp_code); }, "icmpCodeIPv4"},
    Field{"src_mac", 42, FieldGroup::kFlow, "",
          "source MAC address of the first packet, in its outermost Ethernet frame",
          [](Record r) { return mac_or_missing(r.src_mac, 6); }, "sourceMacAddress"},
    Field{"src_oui", 43, FieldGroup::kFlow, "", "first three octets of src_mac, which identify the vendor",
          [](Record r) { return mac_or_missing(r.src_mac, 3); }},
    Field{"dst_mac", 44, FieldGroup::kFlow, "", "destination MAC address in the same frame",
          [](Record r) { return mac_or_missing(r.dst_mac, 6); }, "destinationMacAddress"},
    Field{"dst_oui", 45, FieldGroup::kFlow, "", "first three octets of dst_mac",
          [](Record r) { return mac_or_missing(r.dst_mac, 3); }},
    Field{"vlan_id", 46, FieldGroup::kFlow, "", "innermost 802.1Q VLAN id of the first packet",
          [](Record r) { return number_or_missing(r.vlan_id); }, "vlanId"},
    Field{"vlan_outer_id", 47, FieldGroup::kFlow, "", "outermost VLAN id of the first packet, if it has several tags",
          [](Record r) { return number_or_missing(r.vlan_outer_id); }, "dot1qVlanId"},
    Field{"tunnel_type", 48, FieldGroup::kTunnels, "",
          "innermost tunnel that was decoded: ipip, gre, erspan, vxlan, ...",
          [](Record r) { return label_or_missing(name_of(r.tunnel_type)); }},
    Field{"tunnel_id", 49, FieldGroup::kTunnels, "", "VNI of VXLAN and GENEVE",
          [](Record r) { return number_or_missing(r.tunnel_key); }},
    Field{"src_to_dst_tunnel_id", 50, FieldGroup::kTunnels, "",
          "tunnel id from src to dst: GTP TEID, GRE key, ERSPAN session",
          [](Record r) { return number_or_missing(r.src_to_dst.tunnel_id); }},
    Field{"dst_to_src_tunnel_id", 51, FieldGroup::kTunnels, "", "tunnel id from dst to src",
          [](Record r) { return number_or_missing(r.dst_to_src.tunnel_id); }},
    Field{"biflow_direction", 52, FieldGroup::kFlow, "", "1: src is the initiator, 2: src is the responder, 0: unknown",
          [](Record r) { return number(static_cast<std::uint8_t>(r.biflow_direction)); }, "biflowDirection"},
    Field{"timestamp_source", 53, FieldGroup::kFlow, "", "source of the packet times: file, kernel, tsc or nic",
          [](Record r) { return LabelValue{timestamp_source_name(r)}; }},
    Field{"sensor_id", 54, FieldGroup::kFlow, "", "name of the observation point, if sensor_id is set",
          [](Record r) { return label_or_missing(r.sensor_id); }, "observationDomainName"},
    Field{"boot_id", 55, FieldGroup::kLive, "",
          "id of this start of the program; sensor_id, boot_id, worker and sequence identify a record",
          [](Record) { return HexValue{boot_id()}; }},
    Field{"worker", 56, FieldGroup::kFlow, "", "worker that metered the flow",
          [](Record r) { return number(r.worker); }},
    Field{"sequence", 57, FieldGroup::kFlow, "", "0, then 1 more with each record of the run",
          [](Record r) { return number(r.sequence); }},

    Field{"sampling_rate", 58, FieldGroup::kFlow, "", "one in sampling_rate new flows was metered when this flow began",
          [](Record r) { return number(r.sampling_rate); }},
    Field{"overload", 59, FieldGroup::kFlow, "",
          "work that an overloaded worker left out: names, dpi (nDPI got fewer packets), features, flows (other flows "
          "were not metered)",
          [](Record r) { return shedding_names(r); }},

    Field{"application_is_guessed", 60, FieldGroup::kDpi, "", "1 if the name comes only from addresses and ports",
          [](Record r) { return dpi_only(r, number<std::uint8_t>(r.application_is_guessed ? 1 : 0)); }},
    Field{"application_confidence", 61, FieldGroup::kDpi, "",
          "nDPI's number: 0 unknown, 1 by port, 2 by address, 3 by correlation, 4 and more by inspection",
          [](Record r) { return dpi_only(r, number(r.application_confidence)); }},

    Field{"requested_server_name", 62, FieldGroup::kNames, "",
          "name that the client asked for: of a TLS, QUIC or HTTP server, or in DNS; else as nDPI reports it",
          FirstName<Metadata::kTlsServerName, Metadata::kHttpHost, Metadata::kDnsQuery, Metadata::kServerName>{},
          "httpRequestHost"},
    Field{"dns_name", 113, FieldGroup::kDnsNames, "",
          "what src asked DNS for before, with dst in the answer; if the flow shows no name, or an encrypted one",
          MetadataText<Metadata::kDnsName>{}},
    Field{"http_url", 63, FieldGroup::kNames, "", "host and path of the first request",
          MetadataText<Metadata::kHttpUrl>{}},
    Field{"http_method", 64, FieldGroup::kNames, "", "method of the first request",
          MetadataText<Metadata::kHttpMethod>{}, "httpRequestMethod"},
    Field{"http_host", 102, FieldGroup::kReaders, "", "host of the first request", MetadataText<Metadata::kHttpHost>{}},
    Field{"http_version", 103, FieldGroup::kReaders, "", "version of HTTP: 1.0, 1.1, 2",
          MetadataText<Metadata::kHttpVersion>{}},
    Field{"http_status", 65, FieldGroup::kNames, "", "status of the first response",
          MetadataNumber<Metadata::kHttpStatus, std::uint16_t>{}, "httpStatusCode"},
    Field{"http_requests", 104, FieldGroup::kReaders, "", "requests of HTTP/1",
          MetadataNumber<Metadata::kHttpRequests>{}},
    Field{"http_user_agent", 66, FieldGroup::kNames, "", "user agent of the first request",
          MetadataText<Metadata::kUserAgent>{}, "httpUserAgent"},
    Field{"http_content_type", 67, FieldGroup::kNames, "", "content type of the first response",
          MetadataText<Metadata::kContentType>{}, "httpContentType"},
    Field{"tls_server_name", 68, FieldGroup::kReaders, "",
          "complete server name in the ClientHello of TLS, DTLS or QUIC", MetadataText<Metadata::kTlsServerName>{},
          "TLS_SERVER_NAME"},
    Field{"ja4", 69, FieldGroup::kReaders, "", "JA4 fingerprint of the client of TLS, DTLS or QUIC",
          MetadataText<Metadata::kJa4>{}},
    Field{"tls_version", 70, FieldGroup::kNames, "", "TLS version that the server chose: TLSv1.3",
          MetadataText<Metadata::kTlsVersion>{}},
    Field{"tls_versions", 92, FieldGroup::kReaders, "", "list: TLS versions that the client offered",
          MetadataList<Metadata::kTlsVersions>{}},
    Field{"tls_cipher", 71, FieldGroup::kNames, "", "cipher suite that the server chose",
          MetadataText<Metadata::kTlsCipher>{}},
    Field{"tls_alpn", 114, FieldGroup::kNames, "", "list: application protocols that the client offered",
          MetadataList<Metadata::kTlsAlpn>{}},
    Field{"tls_alpn_chosen", 93, FieldGroup::kReaders, "",
          "application protocol that the server chose; encrypted, and therefore missing, in TLS 1.3",
          MetadataText<Metadata::kTlsAlpnChosen>{}},
    Field{"tls_resumed", 94, FieldGroup::kReaders, "",
          "1 if the session continues an earlier one, which has no certificate",
          MetadataNumber<Metadata::kTlsResumed, std::uint8_t>{}},
    Field{"tls_ech", 95, FieldGroup::kReaders, "",
          "Encrypted Client Hello: real, grease (the client only pretends), or offered (not known which)",
          FromMetadata<ech, Metadata::kTlsEch>{}},
    Field{"tls_ech_config_id", 96, FieldGroup::kReaders, "", "id of the configuration in the Encrypted Client Hello",
          MetadataNumber<Metadata::kTlsEchConfigId, std::uint8_t>{}},
    Field{"tls_ech_outer_name", 97, FieldGroup::kReaders, "",
          "name in the outer hello, if the client may have encrypted another name",
          FromMetadata<ech_outer_name, Metadata::kTlsEch>{}},
    Field{"tls_issuer", 73, FieldGroup::kNames, "",
          "issuer of the server's certificate; encrypted, and therefore missing, in TLS 1.3",
          MetadataText<Metadata::kTlsIssuer>{}},
    Field{"tls_subject", 74, FieldGroup::kNames, "", "subject of the server's certificate",
          MetadataText<Metadata::kTlsSubject>{}},
    Field{"tls_names", 98, FieldGroup::kReaders, "", "list: DNS names and addresses in the server's certificate",
          MetadataList<Metadata::kTlsNames>{}},
    Field{"tls_not_before", 75, FieldGroup::kNames, "s since the epoch", "start of the certificate's validity",
          MetadataNumber<Metadata::kTlsNotBefore>{}},
    Field{"tls_not_after", 76, FieldGroup::kNames, "s since the epoch", "end of the certificate's validity",
          MetadataNumber<Metadata::kTlsNotAfter>{}},
    Field{"tls_serial", 99, FieldGroup::kReaders, "", "serial number of the certificate, hexadecimal",
          MetadataText<Metadata::kTlsSerial>{}},
    Field{"tls_sha256", 100, FieldGroup::kReaders, "", "SHA-256 of the certificate",
          MetadataText<Metadata::kTlsSha256>{}},
    Field{"ja3_client", 77, FieldGroup::kNames, "", "JA3 fingerprint of the client",
          MetadataText<Metadata::kJa3Client>{}},
    Field{"ja3_server", 78, FieldGroup::kNames, "", "JA3S fingerprint of the server",
          MetadataText<Metadata::kJa3Server>{}},
    Field{"quic_version", 101, FieldGroup::kReaders, "", "version of QUIC: v1, v2, draft-29",
          MetadataText<Metadata::kQuicVersion>{}},
    Field{"dns_protocol", 105, FieldGroup::kReaders, "",
          "dns, mdns, llmnr; encrypted: dot, doq, and doh for known resolvers", MetadataText<Metadata::kDnsProtocol>{}},
    Field{"dns_query", 79, FieldGroup::kNames, "", "name in the first query", MetadataText<Metadata::kDnsQuery>{},
          "DNS_QUERY"},
    Field{"dns_query_type", 80, FieldGroup::kNames, "", "type of the query: 1 A, 28 AAAA",
          MetadataNumber<Metadata::kDnsQueryType, std::uint16_t>{}, "DNS_QUERY_TYPE"},
    Field{"dns_reply_code", 81, FieldGroup::kNames, "", "code of the reply: 0 no error, 3 no such name",
          MetadataNumber<Metadata::kDnsReplyCode, std::uint16_t>{}, "DNS_RET_CODE"},
    Field{"dns_flags", 106, FieldGroup::kReaders, "",
          "flags of the reply, or of the query without a reply: 16 bits as in the message",
          MetadataNumber<Metadata::kDnsFlags, std::uint16_t>{}},
    Field{"dns_answer", 82, FieldGroup::kNames, "", "first address of the answer",
          MetadataText<Metadata::kDnsAnswer>{}},
    Field{"dns_answers", 107, FieldGroup::kReaders, "",
          "list: up to 32 answers with their types: A 192.0.2.1, MX 10 mail.example.org",
          MetadataList<Metadata::kDnsAnswers>{}, "DNS_RESPONSE"},
    Field{"dns_least_ttl", 108, FieldGroup::kReaders, "s", "least time to live of the answers",
          MetadataNumber<Metadata::kDnsLeastTtl, std::uint32_t>{}, "DNS_TTL_ANSWER"},
    Field{"dns_response_ns", 109, FieldGroup::kReaders, "ns", "time from the query to its reply",
          MetadataNumber<Metadata::kDnsResponse>{}},
    Field{"dns_transactions", 110, FieldGroup::kReaders, "", "queries, without repetitions",
          MetadataNumber<Metadata::kDnsTransactions>{}},
    Field{"dns_failed_query", 111, FieldGroup::kReaders, "", "name in the last query that failed",
          MetadataText<Metadata::kDnsFailedQuery>{}},
    Field{"dns_failed_code", 112, FieldGroup::kReaders, "", "code of the reply to it",
          MetadataNumber<Metadata::kDnsFailedCode, std::uint16_t>{}},
    Field{"ssh_client", 83, FieldGroup::kNames, "", "software of the client, from its banner",
          MetadataText<Metadata::kSshClient>{}},
    Field{"ssh_server", 84, FieldGroup::kNames, "", "software of the server, from its banner",
          MetadataText<Metadata::kSshServer>{}},
    Field{"hassh_client", 85, FieldGroup::kNames, "", "HASSH fingerprint of the client",
          MetadataText<Metadata::kHasshClient>{}},
    Field{"hassh_server", 86, FieldGroup::kNames, "", "HASSH fingerprint of the server",
          MetadataText<Metadata::kHasshServer>{}},
    Field{"ndpi_risks", 87, FieldGroup::kMetadata, "", "risks that nDPI found in the flow",
          MetadataText<Metadata::kRisks>{}},
    Field{"ndpi_risk_score", 88, FieldGroup::kMetadata, "", "sum of the scores of the risks",
          MetadataNumber<Metadata::kRiskScore>{}},

    STATISTICS("bidirectional", bidirectional, 300),
    STATISTICS("src_to_dst", src_to_dst, 320),
    STATISTICS("dst_to_src", dst_to_src, 340),

    Field{"splt_direction", 89, FieldGroup::kEarlyPackets, "", "list: 0 from src to dst, 1 from dst to src",
          [](Record r) { return early_packets(r, early_direction); }},
    Field{"splt_ps", 90, FieldGroup::kEarlyPackets, "octets",
          "list: size of each early packet, as flow.accounting says",
          [](Record r) { return early_packets(r, early_size); }},
    Field{"splt_piat_ns", 91, FieldGroup::kEarlyPackets, "ns", "list: time since the previous packet, 0 for the first",
          [](Record r) { return early_packets(r, early_gap<1>); }},

    TCP("tcp_server_rtt_ns", 400, "ns", "round-trip time to the server: SYN to SYN-ACK", q.server_rtt_ns),
    TCP("tcp_client_rtt_ns", 401, "ns", "round-trip time to the client: SYN-ACK to ACK", q.client_rtt_ns),
    TCP("tcp_response_ns", 402, "ns",
        "time from the last packet of the first request to the first packet of the response", q.response_ns),
    TCP("tcp_history", 403, "", "kinds of packets in order, in Zeek's letters: ShADadFf", std::string_view{q.history}),
    TCP_SIDE(src_to_dst, 410),
    TCP_SIDE(dst_to_src, 420),
};

constexpr bool numbers_are_sound() {
  for (auto field = kFields.begin(); field != kFields.end(); ++field) {
    const auto is_its = [field](std::uint16_t number) { return number == field->number; };
    if (field->number == 0 || field->number == kMetricsNumber || std::ranges::any_of(kRetiredNumbers, is_its))
      return false;
    if (std::any_of(std::next(field), kFields.end(), [&](const Field& other) { return is_its(other.number); }))
      return false;
  }
  return true;
}
static_assert(numbers_are_sound(), "a field number is 0, reserved or used twice");

}  // namespace

std::span<const Field> fields() { return kFields; }

const Field& field_named(std::string_view name) { return *std::ranges::find(kFields, name, &Field::name); }

}  // namespace spanflow

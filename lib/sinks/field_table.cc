#include "sinks/field_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "decode/packet.h"
#include "decode/tunnel_names.h"

namespace spanflow {
namespace {

using Record = const FlowRecord&;

constexpr std::uint64_t kNanosecondsPerMillisecond = 1'000'000;

Value number(std::uint64_t value) { return value; }
Value text_or_missing(std::string_view text) { return text.empty() ? Value{} : Value{text}; }
Value number_or_missing(std::uint64_t value) { return value == 0 ? Value{} : Value{value}; }
Value tcp_only(Record record, std::uint64_t value) {
  return record.ip_protocol == protocol::kTcp ? Value{value} : Value{};
}
Value icmp_only(Record record, std::uint64_t value) {
  const bool icmp = record.ip_protocol == protocol::kIcmp || record.ip_protocol == protocol::kIcmpv6;
  return icmp ? Value{value} : Value{};
}
Value dpi_only(Record record, Value value) { return record.has_application ? value : Value{}; }

Value statistic(Record record, const SideStatistics FlowStatistics::*side, Value (*get)(const SideStatistics&)) {
  return record.extras && record.extras->has_statistics ? get(record.extras->statistics.*side) : Value{};
}

Value early_packets(Record record, std::uint64_t (*get)(const EarlyPacket&)) {
  return record.extras ? Value{EarlyPacketsValue{record.extras->early_packets, get}} : Value{};
}

template <typename Number>
Value known(const std::optional<Number>& value) {
  return value ? number(*value) : Value{};
}

Value tcp_quality(Record record, Value (*get)(const TcpQuality&)) {
  return record.extras && record.extras->has_tcp_quality ? get(record.extras->tcp_quality) : Value{};
}

Value whole(double value) { return number(static_cast<std::uint64_t>(value)); }

Value end_reason_name(Record record) {
  constexpr std::array<std::string_view, 6> kNames = {"inactive",    "active",  "closed",
                                                      "capture_end", "evicted", "plugin"};
  return kNames[static_cast<std::size_t>(record.end_reason)];
}

Value timestamp_source_name(Record record) {
  constexpr std::array<std::string_view, 4> kNames = {"file", "kernel", "tsc", "nic"};
  return kNames[static_cast<std::size_t>(record.timestamp_source)];
}

// The fields of one side's statistics; NAME is its prefix, SIDE its member in FlowStatistics.
#define STATISTIC(NAME, SIDE, UNIT, HELP, EXPRESSION)                                                 \
  Field {                                                                                             \
    NAME, FieldGroup::kStatistics, UNIT, HELP, [](Record r) {                                         \
      return statistic(r, &FlowStatistics::SIDE, [](const SideStatistics& s) { return EXPRESSION; }); \
    }                                                                                                 \
  }
#define DISTRIBUTION(PREFIX, SUFFIX, SIDE, MEMBER, UNIT, WHAT)                                      \
  STATISTIC(PREFIX "_min_" SUFFIX, SIDE, UNIT, "least " WHAT, whole(s.MEMBER.min)),                 \
      STATISTIC(PREFIX "_mean_" SUFFIX, SIDE, UNIT, "mean " WHAT, Value{RealValue{s.MEMBER.mean}}), \
      STATISTIC(PREFIX "_stddev_" SUFFIX, SIDE, UNIT, "standard deviation of the " WHAT,            \
                Value{RealValue{s.MEMBER.stddev}}),                                                 \
      STATISTIC(PREFIX "_max_" SUFFIX, SIDE, UNIT, "greatest " WHAT, whole(s.MEMBER.max))
#define FLAG(PREFIX, FLAG_NAME, SIDE, BIT) \
  STATISTIC(PREFIX "_" FLAG_NAME "_pkts", SIDE, "packets", "packets with this TCP flag", number(s.tcp_flag_pkts[BIT]))
#define STATISTICS(PREFIX, SIDE)                                                                   \
  DISTRIBUTION(PREFIX, "ps", SIDE, packet_size, "octets", "packet size, as flow.accounting says"), \
      DISTRIBUTION(PREFIX, "piat_ns", SIDE, inter_arrival, "ns", "time between packets"),          \
      FLAG(PREFIX, "fin", SIDE, 0), FLAG(PREFIX, "syn", SIDE, 1), FLAG(PREFIX, "rst", SIDE, 2),    \
      FLAG(PREFIX, "psh", SIDE, 3), FLAG(PREFIX, "ack", SIDE, 4), FLAG(PREFIX, "urg", SIDE, 5),    \
      FLAG(PREFIX, "ece", SIDE, 6), FLAG(PREFIX, "cwr", SIDE, 7)

#define TCP(NAME, UNIT, HELP, EXPRESSION)                                                                \
  Field {                                                                                                \
    NAME, FieldGroup::kTcp, UNIT, HELP,                                                                  \
        [](Record r) { return tcp_quality(r, [](const TcpQuality& q) -> Value { return EXPRESSION; }); } \
  }
#define TCP_SIDE(SIDE)                                                                                              \
  TCP(#SIDE "_retransmitted_pkts", "packets", "packets whose octets had been sent before",                          \
      number(q.SIDE.retransmitted_pkts)),                                                                           \
      TCP(#SIDE "_out_of_order_pkts", "packets", "packets that others overtook", number(q.SIDE.out_of_order_pkts)), \
      TCP(#SIDE "_zero_window_pkts", "packets", "packets that said that their sender's receive window is closed",   \
          number(q.SIDE.zero_window_pkts)),                                                                         \
      TCP(#SIDE "_gaps", "", "times that octets were missing before a packet", number(q.SIDE.gaps)),                \
      TCP(#SIDE "_mss", "octets", "maximum segment size, from the SYN of this direction", known(q.SIDE.mss)),       \
      TCP(#SIDE "_window_scale", "", "window scale shift, from the SYN of this direction", known(q.SIDE.window_scale))

// The classic fields come first, under the names and in the order their readers know.
constexpr std::array kFields =
    {
        Field{"ip_src", FieldGroup::kClassic, "", "address of the sender of the flow's first packet",
              [](Record r) {
                return Value{AddressValue{&r.ip_src, r.ip_version}};
              }},
        Field{"src_port", FieldGroup::kClassic, "", "its port; 0 where the protocol has none",
              [](Record r) { return number(r.src_port); }},
        Field{"ip_dst", FieldGroup::kClassic, "", "address of the other side",
              [](Record r) {
                return Value{AddressValue{&r.ip_dst, r.ip_version}};
              }},
        Field{"dst_port", FieldGroup::kClassic, "", "its port", [](Record r) { return number(r.dst_port); }},
        Field{"ip_protocol", FieldGroup::kClassic, "", "IP protocol number: 6 TCP, 17 UDP",
              [](Record r) { return number(r.ip_protocol); }},
        Field{"src_to_dst_pkts", FieldGroup::kClassic, "packets", "packets from src to dst",
              [](Record r) { return number(r.src_to_dst.pkts); }},
        Field{"dst_to_src_pkts", FieldGroup::kClassic, "packets", "packets from dst to src",
              [](Record r) { return number(r.dst_to_src.pkts); }},
        Field{"src_to_dst_bytes", FieldGroup::kClassic, "octets", "octets from src to dst, as flow.accounting says",
              [](Record r) { return number(r.src_to_dst.bytes); }},
        Field{"dst_to_src_bytes", FieldGroup::kClassic, "octets", "octets from dst to src, as flow.accounting says",
              [](Record r) { return number(r.dst_to_src.bytes); }},
        Field{"application_name", FieldGroup::kClassic, "", "application as nDPI names it: TLS.Instagram",
              [](Record r) { return dpi_only(r, Value{r.application_name}); }},
        Field{"category_name", FieldGroup::kClassic, "", "nDPI's category of the application: SocialNetwork",
              [](Record r) { return dpi_only(r, Value{r.category_name}); }},
        Field{"start_time", FieldGroup::kClassic, "ms since the epoch", "time of the segment's first packet",
              [](Record r) { return number(r.start_ns / kNanosecondsPerMillisecond); }},
        Field{"end_time", FieldGroup::kClassic, "ms since the epoch", "time of the segment's last packet",
              [](Record r) { return number(r.end_ns / kNanosecondsPerMillisecond); }},
        Field{"export_reason", FieldGroup::kClassic, "",
              "0 inactive, 1 active, 2 termination (TCP closed or capture end), 3 evicted, 4 plugin",
              [](Record r) { return number(static_cast<std::uint64_t>(export_reason(r.end_reason))); }},

        Field{"flow_id", FieldGroup::kFlow, "", "the same for all segments of a flow, on every run",
              [](Record r) { return Value{HexValue{r.flow_id}}; }},
        Field{"segment", FieldGroup::kFlow, "", "0, then one more after each active timeout",
              [](Record r) { return number(r.segment); }},
        Field{"end_reason", FieldGroup::kFlow, "", "inactive, active, closed, capture_end, evicted or plugin",
              end_reason_name},
        Field{"flow_end_reason", FieldGroup::kFlow, "", "IPFIX IE 136",
              [](Record r) { return number(static_cast<std::uint64_t>(flow_end_reason(r.end_reason))); }},
        Field{"start_time_ns", FieldGroup::kFlow, "ns since the epoch", "time of the segment's first packet",
              [](Record r) { return number(r.start_ns); }},
        Field{"end_time_ns", FieldGroup::kFlow, "ns since the epoch", "time of the segment's last packet",
              [](Record r) { return number(r.end_ns); }},
        Field{"duration_ns", FieldGroup::kFlow, "ns", "from the first packet to the last",
              [](Record r) { return number(r.end_ns - r.start_ns); }},
        Field{"ip_version", FieldGroup::kFlow, "", "4 or 6", [](Record r) { return number(r.ip_version); }},
        Field{"src_to_dst_ip_bytes", FieldGroup::kFlow, "octets", "layer 3 octets from src to dst, IPFIX IE 1",
              [](Record r) { return number(r.src_to_dst.ip_bytes); }},
        Field{"dst_to_src_ip_bytes", FieldGroup::kFlow, "octets", "layer 3 octets from dst to src",
              [](Record r) { return number(r.dst_to_src.ip_bytes); }},
        Field{"src_to_dst_link_bytes", FieldGroup::kFlow, "octets", "layer 2 octets from src to dst, IPFIX IE 352",
              [](Record r) { return number(r.src_to_dst.link_bytes); }},
        Field{"dst_to_src_link_bytes", FieldGroup::kFlow, "octets", "layer 2 octets from dst to src",
              [](Record r) { return number(r.dst_to_src.link_bytes); }},
        Field{"src_to_dst_tcp_flags", FieldGroup::kFlow, "", "union of the TCP flags from src to dst, IPFIX IE 6",
              [](Record r) { return tcp_only(r, r.src_to_dst.tcp_flags); }},
        Field{"dst_to_src_tcp_flags", FieldGroup::kFlow, "", "union of the TCP flags from dst to src",
              [](Record r) { return tcp_only(r, r.dst_to_src.tcp_flags); }},
        Field{"icmp_type", FieldGroup::kFlow, "", "ICMP type of the first packet",
              [](Record r) { return icmp_only(r, r.icmp_type); }},
        Field{"icmp_code", FieldGroup::kFlow, "", "ICMP code of the first packet",
              [](Record r) { return icmp_only(r, r.icmp_code); }},
        Field{"vlan_id", FieldGroup::kFlow, "", "802.1Q id of the first packet, the innermost",
              [](Record r) { return number_or_missing(r.vlan_id); }},
        Field{"vlan_outer_id", FieldGroup::kFlow, "", "its outermost id, where it has several tags",
              [](Record r) { return number_or_missing(r.vlan_outer_id); }},
        Field{"tunnel_type", FieldGroup::kFlow, "", "innermost tunnel that was entered: ipip, gre, erspan, vxlan, ...",
              [](Record r) { return text_or_missing(name_of(r.tunnel_type)); }},
        Field{"tunnel_id", FieldGroup::kFlow, "", "VNI of VXLAN and GENEVE",
              [](Record r) { return number_or_missing(r.tunnel_key); }},
        Field{"src_to_dst_tunnel_id", FieldGroup::kFlow,
              "", "id of this direction only: GTP TEID, GRE key, ERSPAN session",
              [](Record r) { return number_or_missing(r.src_to_dst.tunnel_id); }},
        Field{"dst_to_src_tunnel_id", FieldGroup::kFlow, "", "the same from dst to src",
              [](Record r) { return number_or_missing(r.dst_to_src.tunnel_id); }},
        Field{"biflow_direction", FieldGroup::kFlow,
              "", "IPFIX IE 239: 1 src is the initiator, 2 src is the responder, 0 not known",
              [](Record r) { return number(static_cast<std::uint64_t>(r.biflow_direction)); }},
        Field{"timestamp_source", FieldGroup::kFlow, "", "who took the packets' times: file, kernel, tsc or nic",
              timestamp_source_name},
        Field{"sensor_id", FieldGroup::kFlow, "", "name of the observation point, where sensor_id is set",
              [](Record r) { return text_or_missing(r.sensor_id); }},
        Field{"worker", FieldGroup::kFlow, "", "worker that metered the flow",
              [](Record r) { return number(r.worker); }},

        Field{"application_is_guessed", FieldGroup::kDpi, "", "1 if addresses and ports alone gave the name",
              [](Record r) { return dpi_only(r, number(r.application_is_guessed ? 1 : 0)); }},
        Field{"application_confidence", FieldGroup::kDpi,
              "", "nDPI's number: 0 unknown, 1 by port, 2 by address, 3 by correlation, 4 and more by inspection",
              [](Record r) { return dpi_only(r, number(r.application_confidence)); }},

        STATISTICS("bidirectional", bidirectional),
        STATISTICS("src_to_dst", src_to_dst),
        STATISTICS("dst_to_src", dst_to_src),

        Field{"splt_direction", FieldGroup::kEarlyPackets, "", "list: 0 from src to dst, 1 from dst to src",
              [](Record r) {
                return early_packets(r, [](const EarlyPacket& p) { return static_cast<std::uint64_t>(p.direction); });
              }},
        Field{"splt_ps", FieldGroup::kEarlyPackets, "octets",
              "list: size of each early packet, as flow.accounting says",
              [](Record r) { return early_packets(r, [](const EarlyPacket& p) { return std::uint64_t{p.size}; }); }},
        Field{"splt_piat_ns", FieldGroup::kEarlyPackets, "ns", "list: time since the packet before, 0 for the first",
              [](Record r) { return early_packets(r, [](const EarlyPacket& p) { return p.gap_ns; }); }},

        TCP("tcp_server_rtt_ns", "ns", "round trip to the server: SYN to SYN-ACK", known(q.server_rtt_ns)),
        TCP("tcp_client_rtt_ns", "ns", "round trip to the client: SYN-ACK to ACK", known(q.client_rtt_ns)),
        TCP("tcp_response_ns", "ns", "from the last packet of the first request to the first of its answer",
            known(q.response_ns)),
        TCP("tcp_history", "", "kinds of packets as they came, as Zeek's letters: ShADadFf",
            Value{std::string_view{q.history}}),
        TCP_SIDE(src_to_dst),
        TCP_SIDE(dst_to_src),
};

bool is_on(FieldGroup group, const Config& config) {
  switch (group) {
    case FieldGroup::kClassic:
    case FieldGroup::kFlow:
      return true;
    case FieldGroup::kDpi:
      return config.dpi.enabled;
    case FieldGroup::kStatistics:
      return config.features.statistics;
    case FieldGroup::kEarlyPackets:
      return config.features.splt > 0;
    case FieldGroup::kTcp:
      return config.features.tcp;
  }
  return false;
}

std::string_view group_name(FieldGroup group) {
  constexpr std::array<std::string_view, 6> kNames = {"classic",
                                                      "full",
                                                      "full, with dpi.enabled",
                                                      "full, with features.statistics",
                                                      "full, with features.splt",
                                                      "full, with features.tcp"};
  return kNames[static_cast<std::size_t>(group)];
}

}  // namespace

std::span<const Field> fields() { return kFields; }

std::vector<const Field*> select_fields(std::span<const std::string> names, const Config& config) {
  std::vector<const Field*> selected;
  for (const std::string& name : names) {
    for (const Field& field : kFields) {
      const bool wanted = name == field.name || (name == "classic" && field.group == FieldGroup::kClassic) ||
                          (name == "full" && is_on(field.group, config));
      const bool repeated = std::find(selected.begin(), selected.end(), &field) != selected.end();
      if (wanted && !repeated) selected.push_back(&field);
    }
  }
  return selected;
}

std::string list_fields() {
  std::string text =
      "| field | unit | in | meaning |\n"
      "| --- | --- | --- | --- |\n";
  for (const Field& field : kFields) {
    text += fmt::format("| `{}` | {} | {} | {} |\n", field.name, field.unit, group_name(field.group), field.help);
  }
  return text;
}

}  // namespace spanflow

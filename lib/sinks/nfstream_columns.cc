#include "sinks/nfstream_columns.h"

#include <algorithm>
#include <array>
#include <vector>

#include "dpi/classifier.h"

namespace spanflow {
namespace {

using Record = const FlowRecord&;

std::int64_t expiration_id(Record record) {
  if (record.end_reason == EndReason::kPlugin) return -1;
  return record.end_reason == EndReason::kActive ? 1 : 0;
}

// Returns the duration in ms. Rounds both times down to ms before the subtraction, as nfstream does for all durations
// and gaps.
std::uint64_t duration(std::uint64_t start_ns, std::uint64_t end_ns) {
  return end_ns / kNanosecondsPerMillisecond - start_ns / kNanosecondsPerMillisecond;
}

// Returns the TLS metadata or the SSH metadata. A flow has at most one of the two.
std::optional<std::string_view> either(Record record, Metadata tls, Metadata ssh) {
  const auto text = metadata_text(record, tls);
  return text ? text : metadata_text(record, ssh);
}

std::optional<EarlyPacketsValue> python_list(Record record, EarlyNumber number) {
  return early_packets(record, number, true);
}

// A spanflow field under nfstream's name.
struct Renamed {
  std::string_view name;  // nfstream's name
  std::string_view ours;  // spanflow's name
};

Field column(const Renamed& renamed, FieldGroup group) {
  Field field = field_named(renamed.ours);
  field.name = renamed.name;
  field.number = 0;
  field.group = group;
  return field;
}

#define COLUMN(NAME, GROUP, EXPRESSION)                                     \
  Field {                                                                   \
    NAME, 0, FieldGroup::GROUP, "", "", [](Record r) { return EXPRESSION; } \
  }

#define SIDE_COLUMNS(PREFIX, SIDE)                                                       \
  COLUMN(PREFIX "_first_seen_ms", kClassic, milliseconds(r.SIDE.start_ns)),              \
      COLUMN(PREFIX "_last_seen_ms", kClassic, milliseconds(r.SIDE.end_ns)),             \
      COLUMN(PREFIX "_duration_ms", kClassic, duration(r.SIDE.start_ns, r.SIDE.end_ns)), \
      COLUMN(PREFIX "_packets", kClassic, number(r.SIDE.pkts)),                          \
      COLUMN(PREFIX "_bytes", kClassic, number(r.SIDE.bytes))

#define STATISTIC_COLUMN(NAME, GROUP, SIDE, EXPRESSION)                                               \
  Field {                                                                                             \
    NAME, 0, FieldGroup::GROUP, "", "", [](Record r) {                                                \
      return statistic(r, &FlowStatistics::SIDE, [](const SideStatistics& s) { return EXPRESSION; }); \
    }                                                                                                 \
  }
#define DISTRIBUTION_COLUMNS(PREFIX, SUFFIX, GROUP, SIDE, MEMBER)                          \
  STATISTIC_COLUMN(PREFIX "_min_" SUFFIX, GROUP, SIDE, whole(s.MEMBER.min)),               \
      STATISTIC_COLUMN(PREFIX "_mean_" SUFFIX, GROUP, SIDE, RealValue{s.MEMBER.mean}),     \
      STATISTIC_COLUMN(PREFIX "_stddev_" SUFFIX, GROUP, SIDE, RealValue{s.MEMBER.stddev}), \
      STATISTIC_COLUMN(PREFIX "_max_" SUFFIX, GROUP, SIDE, whole(s.MEMBER.max))
#define FLAG_COLUMN(PREFIX, FLAG, SIDE, BIT) \
  STATISTIC_COLUMN(PREFIX "_" FLAG "_packets", kStatistics, SIDE, number(s.tcp_flag_pkts[BIT]))
#define FLAG_COLUMNS(PREFIX, SIDE)                                                                                   \
  FLAG_COLUMN(PREFIX, "syn", SIDE, 1), FLAG_COLUMN(PREFIX, "cwr", SIDE, 7), FLAG_COLUMN(PREFIX, "ece", SIDE, 6),     \
      FLAG_COLUMN(PREFIX, "urg", SIDE, 5), FLAG_COLUMN(PREFIX, "ack", SIDE, 4), FLAG_COLUMN(PREFIX, "psh", SIDE, 3), \
      FLAG_COLUMN(PREFIX, "rst", SIDE, 2), FLAG_COLUMN(PREFIX, "fin", SIDE, 0)

std::vector<Field> make_columns() {
  std::vector<Field> columns;
  const auto add = [&columns](std::initializer_list<Field> more) { columns.insert(columns.end(), more); };
  const auto rename = [&add](FieldGroup group, std::initializer_list<Renamed> more) {
    for (const Renamed& renamed : more) add({column(renamed, group)});
  };
  rename(FieldGroup::kClassic, {{"id", "sequence"}});
  add({COLUMN("expiration_id", kClassic, expiration_id(r))});
  rename(FieldGroup::kClassic, {{"src_ip", "ip_src"}});
  // Without Ethernet, nfstream writes addresses of zeros. So these columns do not use mac_or_missing().
  add({COLUMN("src_mac", kClassic, (MacValue{&r.src_mac, 6})), COLUMN("src_oui", kClassic, (MacValue{&r.src_mac, 3}))});
  rename(FieldGroup::kClassic, {{"src_port", "src_port"}, {"dst_ip", "ip_dst"}});
  add({COLUMN("dst_mac", kClassic, (MacValue{&r.dst_mac, 6})), COLUMN("dst_oui", kClassic, (MacValue{&r.dst_mac, 3}))});
  rename(FieldGroup::kClassic, {{"dst_port", "dst_port"}, {"protocol", "ip_protocol"}, {"ip_version", "ip_version"}});
  add({COLUMN("vlan_id", kClassic, number(r.vlan_id)),
       COLUMN("tunnel_id", kTunnels, number(tunnel_number(r.tunnel_type))),
       COLUMN("bidirectional_first_seen_ms", kClassic, milliseconds(r.start_ns)),
       COLUMN("bidirectional_last_seen_ms", kClassic, milliseconds(r.end_ns)),
       COLUMN("bidirectional_duration_ms", kClassic, duration(r.start_ns, r.end_ns)),
       COLUMN("bidirectional_packets", kClassic, number(r.src_to_dst.pkts + r.dst_to_src.pkts)),
       COLUMN("bidirectional_bytes", kClassic, number(r.src_to_dst.bytes + r.dst_to_src.bytes)),
       SIDE_COLUMNS("src2dst", src_to_dst), SIDE_COLUMNS("dst2src", dst_to_src)});
  add({DISTRIBUTION_COLUMNS("bidirectional", "ps", kStatistics, bidirectional, packet_size),
       DISTRIBUTION_COLUMNS("src2dst", "ps", kStatistics, src_to_dst, packet_size),
       DISTRIBUTION_COLUMNS("dst2src", "ps", kStatistics, dst_to_src, packet_size),
       DISTRIBUTION_COLUMNS("bidirectional", "piat_ms", kMillisecondGaps, bidirectional, inter_arrival_ms),
       DISTRIBUTION_COLUMNS("src2dst", "piat_ms", kMillisecondGaps, src_to_dst, inter_arrival_ms),
       DISTRIBUTION_COLUMNS("dst2src", "piat_ms", kMillisecondGaps, dst_to_src, inter_arrival_ms),
       FLAG_COLUMNS("bidirectional", bidirectional), FLAG_COLUMNS("src2dst", src_to_dst),
       FLAG_COLUMNS("dst2src", dst_to_src)});
  add({COLUMN("splt_direction", kEarlyPackets, python_list(r, early_direction)),
       COLUMN("splt_ps", kEarlyPackets, python_list(r, early_size)),
       COLUMN("splt_piat_ms", kEarlyPackets, python_list(r, early_gap<kNanosecondsPerMillisecond>))});
  rename(FieldGroup::kDpi, {{"application_name", "application_name"},
                            {"application_category_name", "category_name"},
                            {"application_is_guessed", "application_is_guessed"}});
  add({COLUMN("application_confidence", kDpi,
              dpi_only(r, Classifier::confidence_in_ndpi_5(r.application_confidence)))});
  rename(FieldGroup::kNames, {{"requested_server_name", "requested_server_name"}});
  add({COLUMN("client_fingerprint", kNames, either(r, Metadata::kJa4, Metadata::kHasshClient)),
       COLUMN("server_fingerprint", kNames, either(r, Metadata::kJa3Server, Metadata::kHasshServer))});
  rename(FieldGroup::kNames, {{"user_agent", "http_user_agent"}, {"content_type", "http_content_type"}});
  return columns;
}

}  // namespace

std::uint64_t tunnel_number(TunnelType type) {
  switch (type) {
    case TunnelType::kGtp:
      return 1;
    case TunnelType::kCapwap:
      return 2;
    case TunnelType::kTzsp:
      return 3;
    case TunnelType::kL2tp:
      return 4;
    case TunnelType::kVxlan:
      return 5;
    case TunnelType::kGre:
      return 6;
    default:
      return 0;
  }
}

std::span<const Field> nfstream_columns() {
  static const std::vector<Field> columns = make_columns();
  return columns;
}

}  // namespace spanflow

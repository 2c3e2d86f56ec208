// The one table of record fields. CSV header, JSON, protobuf, flow.proto, --list-fields and docs/fields.md are walks
// over it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"
#include "sinks/ipfix_values.h"
#include "sinks/protobuf_values.h"
#include "sinks/text.h"

namespace spanflow {

// What must be switched on for a field to have a value.
enum class FieldGroup : std::uint8_t {
  kClassic,
  kFlow,
  kLive,
  kTunnels,
  kDpi,
  kMetadata,
  kStatistics,
  kMillisecondGaps,
  kEarlyPackets,
  kTcp
};

// A row is made of what takes the value from a record: a function of it alone, without state. Each form of the value is
// a function of its own made of that, so that a record costs one call for each of its fields.
struct Field {
  using IpfixForm = TextWriter (*)(TextWriter, const FlowRecord&, const IpfixElement&);

  template <typename Get>
  constexpr Field(std::string_view field_name, std::uint16_t field_number, FieldGroup field_group,
                  std::string_view field_unit, std::string_view field_help, Get, std::string_view field_ipfix = {})
      : name(field_name),
        number(field_number),
        group(field_group),
        unit(field_unit),
        help(field_help),
        ipfix(field_ipfix),
        csv([](TextWriter out, const FlowRecord& record) { return append_csv(out, Get{}(record)); }),
        json([](TextWriter out, std::string_view key, const FlowRecord& record) {
          return append_json_member(out, key, Get{}(record));
        }),
        proto([](TextWriter out, std::uint16_t own_number, const FlowRecord& record) {
          return append_protobuf(out, own_number, Get{}(record));
        }),
        proto_type(protobuf_type<decltype(Get{}(std::declval<const FlowRecord&>()))>()),
        ipfix_value(ipfix_form<Get>()) {}

  std::string_view name;
  std::uint16_t number;  // in flow.proto; 0: it is not there
  FieldGroup group;
  std::string_view unit;  // empty for texts and codes
  std::string_view help;
  // The information element of the same value in IANA's registry (TLS_SERVER_NAME is ntop's); that of IPv4 where there
  // is one for each IP version. "reverse" and a capital stand before the name where it is the other direction's, RFC
  // 5103. Empty: there is none.
  std::string_view ipfix;

  TextWriter (*csv)(TextWriter, const FlowRecord&);                          // append_csv of the value
  TextWriter (*json)(TextWriter, std::string_view key, const FlowRecord&);   // append_json_member of it
  TextWriter (*proto)(TextWriter, std::uint16_t number, const FlowRecord&);  // append_protobuf of it
  std::string_view proto_type;
  // append_ipfix of it; nullptr where it has no such form.
  IpfixForm ipfix_value;

 private:
  template <typename Get>
  static constexpr IpfixForm ipfix_form() {
    if constexpr (IpfixEncodable<decltype(Get{}(std::declval<const FlowRecord&>()))>) {
      return [](TextWriter out, const FlowRecord& record, const IpfixElement& element) {
        return append_ipfix(out, Get{}(record), element);
      };
    } else {
      return nullptr;
    }
  }
};

std::span<const Field> fields();
inline constexpr std::uint16_t kMetricsNumber = 1000;  // of the user's metrics in flow.proto
// There must be one of this name.
const Field& field_named(std::string_view name);

// What a sink shows: its own list or output.fields.
const std::vector<std::string>& fields_of(const SinkConfig& sink, const Config& config);

bool is_on(FieldGroup group, const Config& config);

// What output.fields (or a sink's own list) names, in order: "classic", "full", "nfstream" or field names. "full" and
// "nfstream" leave out the groups whose feature is off.
std::vector<const Field*> select_fields(std::span<const std::string> names, const Config& config);

// A Markdown table of all fields: docs/fields.md.
std::string list_fields();
// lib/sinks/flow.proto.
std::string list_fields_as_proto();

}  // namespace spanflow

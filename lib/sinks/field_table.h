// The table of record fields. The CSV header, JSON, protobuf, IPFIX, flow.proto, --list-fields and docs/fields.md are
// all derived from it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "inspect/metadata.h"
#include "sinks/ipfix_values.h"
#include "sinks/protobuf_values.h"
#include "sinks/text.h"

namespace spanflow {

// The feature that a field belongs to. A field has values only while its feature is on.
enum class FieldGroup : std::uint8_t {
  kClassic,
  kFlow,
  kLive,
  kTunnels,
  kDpi,
  kMetadata,  // from nDPI
  kNames,     // from the readers, or from nDPI where a reader is switched off
  kReaders,   // from the readers only
  kDnsNames,  // from the cache of names
  kStatistics,
  kMillisecondGaps,
  kEarlyPackets,
  kTcp
};

// A row of the table. Its constructor takes `Get`, a stateless lambda, FromMetadata or MetadataValue that returns the
// field's value in a record. For each output format, the constructor makes a function that calls it inline, so a field
// costs one indirect call.
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
        needs(needs_of<Get>()),
        csv([](TextWriter out, const FlowRecord& record) { return append_csv(out, widened(Get{}(record))); }),
        json([](TextWriter out, std::string_view key, const FlowRecord& record) {
          return append_json_member(out, key, widened(Get{}(record)));
        }),
        proto([](TextWriter out, std::uint16_t own_number, const FlowRecord& record) {
          return append_protobuf(out, own_number, widened(Get{}(record)));
        }),
        proto_type(protobuf_type<Widened<Get>>()),
        is_list(std::is_same_v<Widened<Get>, TextList>),
        ipfix_value(ipfix_form<Get>()),
        type(FieldTypeOf<Value<Get>>::value),
        may_be_missing(!std::is_same_v<decltype(as_optional(std::declval<Value<Get>>())), std::optional<Value<Get>>> ||
                       std::is_same_v<Value<Get>, TextList>),
        value([](const FlowRecord& record) { return field_value(Get{}(record)); }) {}

  std::string_view name;
  std::uint16_t number;  // number of the field in flow.proto; 0: flow.proto does not have the field
  FieldGroup group;
  std::string_view unit;  // empty for texts and codes
  std::string_view help;
  // The name of the IPFIX information element with the same value, from IANA's registry (TLS_SERVER_NAME is an element
  // of ntop). If each IP version has its own element, this is the name of the IPv4 element. For a value of the reverse
  // direction, the name is "reverse" plus the capitalised name of the element (RFC 5103). Empty: no such element.
  std::string_view ipfix;
  MetadataSet needs;  // a record has a value only if its metadata has one of these keys; empty: not known before

  // False if a record surely has no value. `keys` is metadata_keys() of the record. Most records have little metadata,
  // so asking this first saves most calls.
  bool may_have_value(std::uint64_t keys) const { return needs.empty() || needs.has_any(keys); }
  TextWriter (*csv)(TextWriter, const FlowRecord&);                         // appends the value with append_csv
  TextWriter (*json)(TextWriter, std::string_view key, const FlowRecord&);  // appends the value with append_json_member
  TextWriter (*proto)(TextWriter, std::uint16_t number, const FlowRecord&);  // appends the value with append_protobuf
  std::string_view proto_type;  // type in flow.proto, such as "optional uint64"
  bool is_list;                 // true: a list of texts
  IpfixForm ipfix_value;        // appends the value with append_ipfix; nullptr: append_ipfix cannot write the type
  FieldType type;
  bool may_be_missing;  // true: a record may lack the value although the field's feature is on
  FieldValue (*value)(const FlowRecord&);

 private:
  template <typename Get>
  using Value = decltype(Get{}(std::declval<const FlowRecord&>()));
  template <typename Get>
  using Widened = decltype(widened(std::declval<Value<Get>>()));

  template <typename Get>
  static constexpr MetadataSet needs_of() {
    if constexpr (requires { Get::kKeys; }) return Get::kKeys;
    return {};
  }
  template <typename Get>
  static constexpr IpfixForm ipfix_form() {
    if constexpr (IpfixEncodable<Widened<Get>>) {
      return [](TextWriter out, const FlowRecord& record, const IpfixElement& element) {
        return append_ipfix(out, widened(Get{}(record)), element);
      };
    } else {
      return nullptr;
    }
  }
};

std::span<const Field> fields();
// The number in flow.proto of the map with the user's metrics.
inline constexpr std::uint16_t kMetricsNumber = 1000;
// The numbers in flow.proto of fields that were removed.
inline constexpr std::array<std::uint16_t, 1> kRetiredNumbers = {72};
// Returns the field of this name. The field must exist.
const Field& field_named(std::string_view name);

}  // namespace spanflow

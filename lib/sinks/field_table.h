// The one table of record fields. CSV header, JSON, --list-fields and docs/fields.md are walks over it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/config.h"
#include "spanflow/streamer.h"

namespace spanflow {

struct AddressValue {
  const IpAddress* address;
  std::uint8_t ip_version;
};

// 64 bits shown as 16 hexadecimal digits: a number would lose its last digits in many a reader.
struct HexValue {
  std::uint64_t bits;
};

// Shown with three decimals.
struct RealValue {
  double number;
};

// One number of each early packet.
struct EarlyPacketsValue {
  std::span<const EarlyPacket> packets;
  std::uint64_t (*number)(const EarlyPacket&);
};

// std::monostate: the record has no such value.
using Value =
    std::variant<std::monostate, std::uint64_t, std::string_view, AddressValue, HexValue, RealValue, EarlyPacketsValue>;

enum class FieldGroup : std::uint8_t { kClassic, kFlow, kDpi, kStatistics, kEarlyPackets, kTcp };

struct Field {
  std::string_view name;
  FieldGroup group;
  std::string_view unit;  // empty for texts and codes
  std::string_view help;
  Value (*get)(const FlowRecord&);
};

std::span<const Field> fields();

// What output.fields (or a sink's own list) names, in order: "classic", "full" or field names. "full" leaves out the
// groups whose feature is off.
std::vector<const Field*> select_fields(std::span<const std::string> names, const Config& config);

// A Markdown table of all fields: docs/fields.md.
std::string list_fields();

}  // namespace spanflow

// The result of one step of decoding.
#pragma once

#include <cstdint>

#include "decode/cursor.h"
#include "spanflow/record.h"
#include "telemetry/counters.h"

namespace spanflow {

namespace ether_types {
inline constexpr std::uint16_t kFirst = 0x0600;  // a smaller value is the length of an IEEE 802.3 frame
inline constexpr std::uint16_t kIpv4 = 0x0800;
inline constexpr std::uint16_t kArp = 0x0806;
inline constexpr std::uint16_t kVlan = 0x8100;
inline constexpr std::uint16_t kIpv6 = 0x86dd;
inline constexpr std::uint16_t kMpls = 0x8847;
inline constexpr std::uint16_t kPppoeSession = 0x8864;
inline constexpr std::uint16_t kServiceVlan = 0x88a8;
}  // namespace ether_types

// The header at which the cursor stands after a step. kFailed: the packet cannot be metered. kDone: the packet is
// decoded. The type has 32 bits, like Step::type, because the compiler would put smaller members together with masks.
enum class Layer : std::uint32_t { kEthernet, kLlc, kEtherType, kIeee80211, kPpp, kMpls, kNsh, kIp, kDone, kFailed };

struct Step {
  Layer layer;
  Counter reason = Counter::kPacketsMetered;  // for kFailed: why the packet cannot be metered
  std::uint32_t type = 0;                     // for kEtherType: the next EtherType
  TunnelType tunnel = TunnelType::kNone;      // set by the step that enters a tunnel
  std::uint32_t tunnel_key = 0;
  std::uint32_t tunnel_id = 0;
};

constexpr Step failed(Counter reason) { return {Layer::kFailed, reason}; }
constexpr Step too_short() { return failed(Counter::kMalformedLink); }

// Skips a header and goes on with `inside`. If the header was not captured as a whole, fails for `otherwise`.
inline Step skip_header(Cursor& cursor, std::size_t header, const Step& inside, const Step& otherwise) {
  if (!cursor.has(header)) return otherwise;
  cursor.skip(header);
  return inside;
}

// Skips a header of the link layer, which the frame must have.
inline Step after_link(Cursor& cursor, std::size_t header, Layer layer) {
  return skip_header(cursor, header, {layer}, failed(Counter::kMalformedLink));
}

// Skips a header that has the EtherType of the next one at `type_offset`.
inline Step after_typed_link(Cursor& cursor, std::size_t header, std::size_t type_offset) {
  if (!cursor.has(header)) return failed(Counter::kMalformedLink);
  const std::uint16_t type = cursor.be16(type_offset);
  cursor.skip(header);
  return {.layer = Layer::kEtherType, .type = type};
}

}  // namespace spanflow

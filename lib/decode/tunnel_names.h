// The names of the tunnels, for options and records.
//
// To add a tunnel, change TunnelType and kTunnelTypes in spanflow/record.h, add a row here, and add a function in
// decode/tunnels.cc. A tunnel over UDP also needs a row in kUdpTunnels there. Any other tunnel needs a call in
// ip_tunnel() or gre().
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "spanflow/record.h"

namespace spanflow {

// One row for each TunnelType except kNone, in the order of the enumeration.
constexpr std::array<std::pair<TunnelType, std::string_view>, kTunnelTypes - 1> tunnel_names() {
  return {{{TunnelType::kIpip, "ipip"},
           {TunnelType::kGre, "gre"},
           {TunnelType::kErspan, "erspan"},
           {TunnelType::kVxlan, "vxlan"},
           {TunnelType::kGeneve, "geneve"},
           {TunnelType::kGtp, "gtp"},
           {TunnelType::kCapwap, "capwap"},
           {TunnelType::kTeredo, "teredo"},
           {TunnelType::kL2tp, "l2tp"},
           {TunnelType::kPptp, "pptp"},
           {TunnelType::kEtherip, "etherip"},
           {TunnelType::kMpls, "mpls"},
           {TunnelType::kTzsp, "tzsp"}}};
}

constexpr bool tunnel_names_are_complete() {
  unsigned expected = 0;
  for (const auto& [type, name] : tunnel_names()) {
    if (static_cast<unsigned>(type) != ++expected || name.empty()) return false;
  }
  return true;
}
static_assert(tunnel_names_are_complete());

constexpr std::optional<TunnelType> tunnel_named(std::string_view name) {
  for (const auto& [type, known] : tunnel_names()) {
    if (known == name) return type;
  }
  return std::nullopt;
}

// Returns an empty text for kNone.
constexpr std::string_view name_of(TunnelType type) {
  for (const auto& [known, name] : tunnel_names()) {
    if (known == type) return name;
  }
  return {};
}

}  // namespace spanflow

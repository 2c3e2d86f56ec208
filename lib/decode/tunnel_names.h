// The names of the tunnels, for options and records alike.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "spanflow/record.h"

namespace spanflow {

constexpr std::array<std::pair<TunnelType, std::string_view>, 7> tunnel_names() {
  return {{{TunnelType::kIpip, "ipip"},
           {TunnelType::kGre, "gre"},
           {TunnelType::kErspan, "erspan"},
           {TunnelType::kVxlan, "vxlan"},
           {TunnelType::kGeneve, "geneve"},
           {TunnelType::kGtp, "gtp"},
           {TunnelType::kCapwap, "capwap"}}};
}

constexpr std::optional<TunnelType> tunnel_named(std::string_view name) {
  for (const auto& [type, known] : tunnel_names()) {
    if (known == name) return type;
  }
  return std::nullopt;
}

// Empty for kNone.
constexpr std::string_view name_of(TunnelType type) {
  for (const auto& [known, name] : tunnel_names()) {
    if (known == type) return name;
  }
  return {};
}

}  // namespace spanflow

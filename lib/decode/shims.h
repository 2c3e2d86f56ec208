// Headers between the link layer and IP that have an EtherType of their own.
//
// To add a shim, add a row and a function in shims.cc, and a case in tests/unit/decode/shims_test.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "decode/step.h"

namespace spanflow {

struct ShimRow {
  std::uint16_t ether_type;
  std::string_view name;
  Step (*header)(Cursor&);  // decodes the header after the EtherType
};

std::span<const ShimRow> shims();

// Decodes the shim of this EtherType. Returns std::nullopt if the EtherType is not that of a shim.
std::optional<Step> shim(std::uint32_t ether_type, Cursor& cursor);

// Decodes a network service header (RFC 8300) after its EtherType or its port.
Step nsh(Cursor& cursor);

// Decodes MPLS labels, and the control word of a pseudowire if there is one.
Step mpls(Cursor& cursor);

// True if an IPv4 header with a right checksum or the exact length, or an IPv6 header whose length fits, is here.
bool is_surely_ip(const Cursor& cursor);
// True if an Ethernet header with a usual EtherType begins at `offset`, and what follows fits to that EtherType.
bool is_surely_ethernet(const Cursor& cursor, std::uint32_t offset);

// True for EtherTypes of well-known protocols that carry no IP, such as ARP.
bool is_never_ip(std::uint32_t ether_type);

}  // namespace spanflow

#include "decode/describe_captures.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <string_view>
#include <vector>

#include "decode/link_types.h"
#include "decode/shims.h"
#include "decode/tunnel_names.h"
#include "decode/tunnels.h"

namespace spanflow {
namespace {

struct RefusedLinkTypes {
  std::string_view numbers;
  std::string_view what;
  std::string_view why;
};

constexpr std::array kRefused = {
    RefusedLinkTypes{"186, 189, 220, 249, 266, 288 to 296", "USB",
                     "frames of a bus: IP is inside the protocol of a device"},
    RefusedLinkTypes{"187, 201, 251, 254 to 256, 272", "Bluetooth", "carries no IP in the forms that are captured"},
    RefusedLinkTypes{"191, 195, 215, 230, 283", "IEEE 802.15.4", "IPv6 is compressed (6LoWPAN)"},
    RefusedLinkTypes{"190, 210, 227", "CAN, FlexRay", "field buses without IP"},
    RefusedLinkTypes{"8", "SLIP", "no longer in use"},
    RefusedLinkTypes{"106, 123", "classical ATM", "no longer in use; AAL5 with LLC (100) is read"},
    RefusedLinkTypes{"129 to 137, 178 to 183, 194, 200", "Juniper", "private headers of one vendor"},
    RefusedLinkTypes{"139 to 142", "SS7", "signalling without IP"},
    RefusedLinkTypes{"143", "DOCSIS", "the MAC layer of cable networks; capture behind the modem"},
    RefusedLinkTypes{"147 to 162", "private use", "their meaning is not defined"},
    RefusedLinkTypes{"224, 225", "Fibre Channel", "storage; IP over Fibre Channel (122) is read"},
    RefusedLinkTypes{"235, 243", "DVB, MPEG", "television"},
    RefusedLinkTypes{"253, 271", "Netlink, vsock", "messages between a host and its kernel or virtual machines"},
};

std::string ports_of(TunnelType type) {
  std::vector<std::uint16_t> ports;
  for (const UdpTunnel& tunnel : udp_tunnels()) {
    if (tunnel.type == type) ports.push_back(tunnel.port);
  }
  return ports.empty() ? "" : fmt::format("UDP {}", fmt::join(ports, ", "));
}

}  // namespace

std::string list_captures() {
  std::string text = "Link types\n\n| number | name | read | test |\n| --- | --- | --- | --- |\n";
  for (const LinkTypeRow& row : link_types()) {
    text += fmt::format("| {} | {} | yes | `EveryLinkType` |\n", row.number, row.name);
  }
  for (const RefusedLinkTypes& row : kRefused) {
    text += fmt::format("| {} | {} | no: {} | `ALinkTypeThatIsNotReadIsNamed` |\n", row.numbers, row.what, row.why);
  }
  text +=
      "\nHeaders between the link layer and IP\n\n| EtherType | header | read | test |\n| --- | --- | --- | --- |\n";
  text += "| 0x8100, 0x88a8, 0x9100, 0x9200, 0x9300 | VLAN tags | yes | `EveryLinkLayer`, `EveryShim` |\n";
  for (const ShimRow& row : shims()) {
    text += fmt::format("| 0x{:04x} | {} | yes | `EveryShim` |\n", row.ether_type, row.name);
  }
  text += "\nTunnels\n\n| name | usual ports | read | test |\n| --- | --- | --- | --- |\n";
  for (const auto& [type, name] : tunnel_names()) {
    text += fmt::format("| {} | {} | yes | `{}` |\n", name, ports_of(type),
                        type == TunnelType::kTeredo ? "Teredo" : "EveryTunnel");
  }
  return text;
}

}  // namespace spanflow

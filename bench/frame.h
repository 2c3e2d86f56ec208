// Makes a Frame from a raw packet and its decoded form.
#pragma once

#include "decode/packet.h"
#include "traffic.h"

namespace spanflow::bench {

inline Frame make_frame(const RawPacket& raw, const Packet& packet, bool from_client) {
  const auto ip = static_cast<std::uint32_t>(packet.ip - raw.data);
  const bool is_ipv4 = packet.key.ip_version == 4;
  // The offsets of the last four octets of each address. An IPv6 address has 12 octets before them.
  const std::uint32_t source = ip + (is_ipv4 ? 12 : 20);
  const std::uint32_t destination = ip + (is_ipv4 ? 16 : 36);
  return {.octets = {raw.data, raw.data + raw.captured},
          .wire = raw.wire,
          .client_at = from_client ? source : destination,
          .server_at = from_client ? destination : source};
}

}  // namespace spanflow::bench

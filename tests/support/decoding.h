// Decodes single frames, each with a new Decoder.
#pragma once

#include "decode/decoder.h"
#include "support/packet_builder.h"

namespace spanflow::testing {

// The header of a frame that carries IPv4.
inline const Bytes kEthernetHeader = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00};

inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

struct Decoded {
  Counter outcome;
  Packet packet;
};

inline Decoded decode(const TestPacket& frame, TunnelSet tunnels = TunnelSet::all(),
                      VlanKey vlan_key = VlanKey::kInner) {
  Decoded decoded{};
  decoded.outcome = Decoder(tunnels, vlan_key).decode(frame.raw(), frame.link_type, decoded.packet);
  return decoded;
}

inline Decoded decode(const PacketBuilder& builder, TunnelSet tunnels = TunnelSet::all(),
                      VlanKey vlan_key = VlanKey::kInner) {
  return decode(builder.build(), tunnels, vlan_key);
}

}  // namespace spanflow::testing

// Builds frames for tests. The calls name the headers from the outermost to the innermost:
//
//   PacketBuilder().ethernet().vlan(100).ipv4("10.0.0.1", "10.0.0.2").tcp(1234, 80).syn().seq(100).at(5s).build()
//
// By default, the length and next-protocol fields match the inner headers. A test can set wrong values on purpose.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "decode/decoder.h"
#include "decode/packet.h"

namespace spanflow::testing {

using Bytes = std::vector<std::uint8_t>;

// A captured frame that owns its octets. `bytes` has the captured octets; `wire` is the length on the wire in octets.
struct TestPacket {
  Bytes bytes;
  std::uint32_t wire = 0;
  std::uint64_t time_ns = 0;
  LinkType link_type = LinkType::kEthernet;
  DatagramTransport transport{};            // as the Distributor sets it for a later fragment
  std::optional<std::int64_t> behind_ns{};  // as the source sets it; nullopt: FlowHarness sets it

  // The result points into this packet. It is valid until the packet changes or is destroyed.
  RawPacket raw() const {
    return {.data = bytes.data(),
            .captured = static_cast<std::uint32_t>(bytes.size()),
            .wire = wire,
            .time_ns = time_ns,
            .behind_ns = behind_ns.value_or(0),
            .transport = transport};
  }
  // Returns the packet as a capture with a snap length of `octets` has it.
  TestPacket cut_to(std::size_t octets) const;
};

// Parses an IPv4 or IPv6 address.
IpAddress address(std::string_view text);

enum class PppForm : std::uint8_t { kPlain, kHdlc, kCompressed };

class PacketBuilder {
 public:
  // Link layers. The first of these calls sets the frame's link type. Without such a call, the frame is raw IP.
  PacketBuilder& ethernet();
  PacketBuilder& linux_cooked();
  PacketBuilder& linux_cooked2();
  PacketBuilder& null_link();
  PacketBuilder& loop_link();
  PacketBuilder& raw_ip();
  PacketBuilder& ppp(PppForm form = PppForm::kPlain);

  // Headers between the link layer and IP.
  PacketBuilder& llc_snap();  // changes the Ethernet header before it to IEEE 802.3
  PacketBuilder& vlan(std::uint16_t id, std::uint16_t tag_type = 0x8100);
  PacketBuilder& mpls(std::uint32_t label);
  PacketBuilder& control_word();  // of an MPLS pseudowire, RFC 4385
  PacketBuilder& pppoe(std::uint16_t session);

  // IP headers. Fragment offsets are in octets and are multiples of 8.
  PacketBuilder& ipv4(std::string_view source, std::string_view destination);
  PacketBuilder& ip_options(std::size_t octets);  // `octets` is a multiple of 4
  PacketBuilder& fragment(std::uint32_t offset, bool more, std::uint16_t id = 0);
  PacketBuilder& ipv6(std::string_view source, std::string_view destination);
  PacketBuilder& extension(std::uint8_t number, std::size_t octets = 8);  // `octets` is a multiple of 8
  PacketBuilder& authentication_header();                                 // RFC 4302; 24 octets
  PacketBuilder& fragment_header(std::uint32_t offset, bool more, std::uint32_t id = 0);
  // Sets the IPv4 total length, or the IPv6 payload length, to any value.
  PacketBuilder& ip_length(std::uint16_t value);
  // Sets the next-protocol field of the last header. The header that follows does not change it.
  PacketBuilder& ip_protocol(std::uint8_t number);

  // Transport headers. tcp() sets only the ACK flag. flags(), syn() and the like replace all flags.
  PacketBuilder& tcp(std::uint16_t source, std::uint16_t destination);
  PacketBuilder& flags(std::uint8_t value);
  PacketBuilder& syn() { return flags(tcp::kSyn); }
  PacketBuilder& syn_ack() { return flags(tcp::kSyn | tcp::kAck); }
  PacketBuilder& ack() { return flags(tcp::kAck); }
  PacketBuilder& fin() { return flags(tcp::kFin | tcp::kAck); }
  PacketBuilder& rst() { return flags(tcp::kRst); }
  PacketBuilder& seq(std::uint32_t number);
  PacketBuilder& ack_number(std::uint32_t number);
  PacketBuilder& window(std::uint16_t octets);
  PacketBuilder& tcp_options(std::size_t octets);   // `octets` is a multiple of 4
  PacketBuilder& tcp_options(const Bytes& octets);  // the size of `octets` is a multiple of 4
  PacketBuilder& udp(std::uint16_t source, std::uint16_t destination);
  PacketBuilder& sctp(std::uint16_t source, std::uint16_t destination);
  PacketBuilder& icmp(std::uint8_t type, std::uint8_t code);
  PacketBuilder& icmpv6(std::uint8_t type, std::uint8_t code);

  // Tunnels. Before a tunnel over UDP, a test calls udp() with the port of the tunnel.
  PacketBuilder& gre();
  PacketBuilder& gre_with_key(std::uint32_t key);
  PacketBuilder& gre_with_everything(std::uint32_t key);  // has checksum, key and sequence number
  PacketBuilder& gre_with_routing(std::uint32_t key);     // has a source route with two addresses (RFC 1701)
  PacketBuilder& erspan1();
  PacketBuilder& erspan2(std::uint16_t session);
  PacketBuilder& erspan3(std::uint16_t session, bool platform_subheader = false);
  PacketBuilder& vxlan(std::uint32_t vni);
  PacketBuilder& geneve(std::uint32_t vni, std::size_t option_octets = 0);
  PacketBuilder& gtp(std::uint32_t teid);
  PacketBuilder& gtp_with_extension(std::uint32_t teid);
  PacketBuilder& capwap();        // an IEEE 802.3 frame follows
  PacketBuilder& capwap_80211();  // an IEEE 802.11 QoS data frame with LLC/SNAP follows

  PacketBuilder& payload(std::string_view text);
  PacketBuilder& payload(std::size_t octets);
  // Adds a header with these octets.
  PacketBuilder& header(Bytes octets);
  // Adds zero octets at the end of the frame, such as Ethernet padding. No length field counts these octets.
  PacketBuilder& padding(std::size_t octets);
  // Overwrites one octet of the last header.
  PacketBuilder& patch(std::size_t offset, std::uint8_t value);

  PacketBuilder& at(std::chrono::nanoseconds since_epoch);
  // Sets the snap length: only the first `octets` octets are captured. The length on the wire stays the same.
  PacketBuilder& snap(std::size_t octets);

  TestPacket build() const;

 private:
  // The kind of number in a header's next-protocol field.
  enum class NextField : std::uint8_t { kNone, kEtherType, kIpProtocol, kPpp, kShortPpp };
  // The numbers that the layer before uses for this layer, one of each kind; -1: this layer has no such number.
  struct Numbers {
    int ether_type = -1;
    int ip_protocol = -1;
    int ppp = -1;
  };
  struct Layer {
    Bytes header;
    NextField next = NextField::kNone;
    std::size_t next_offset = 0;
    // Sets the length field of the header. The argument is the number of octets after the header.
    std::function<void(Bytes&, std::size_t)> set_length = [](Bytes&, std::size_t) {};
  };

  PacketBuilder& push(Layer layer, const Numbers& numbers);
  PacketBuilder& push_gre(std::uint16_t flags, const Bytes& fields);
  PacketBuilder& push_erspan(std::uint16_t gre_flags, std::uint16_t type, const Bytes& fields);
  void name_next(const Numbers& numbers);
  PacketBuilder& first_link(LinkType type);
  Layer& last() { return layers_.back(); }

  std::vector<Layer> layers_;
  LinkType link_type_ = LinkType::kRawIp;
  bool link_type_chosen_ = false;
  Bytes payload_;
  std::size_t padding_ = 0;
  std::size_t snap_ = SIZE_MAX;
  std::uint64_t time_ns_ = 0;
};

}  // namespace spanflow::testing

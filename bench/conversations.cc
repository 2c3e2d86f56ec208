#include "conversations.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "frame.h"
#include "support/decoding.h"

namespace spanflow::bench {
namespace {

using testing::PacketBuilder;

// Sizes of frames in octets, without the frame check sequence.
constexpr std::size_t kLeast = 60;
constexpr std::size_t kMiddle = 590;
constexpr std::size_t kGreatest = 1514;
constexpr std::uint16_t kClientPort = 40'000;

struct Form {
  bool tcp = true;
  bool ipv6 = false;
  bool vlan = false;
};

PacketBuilder headers(const Form& form, bool from_client) {
  PacketBuilder builder;
  builder.ethernet();
  if (form.vlan) builder.vlan(100);
  const auto* const client = form.ipv6 ? "2001:db8::1" : "10.0.0.1";
  const auto* const server = form.ipv6 ? "2001:db8::2" : "172.16.0.1";
  const auto* const from = from_client ? client : server;
  const auto* const to = from_client ? server : client;
  form.ipv6 ? builder.ipv6(from, to) : builder.ipv4(from, to);
  const std::uint16_t server_port = form.tcp ? 7000 : 9999;
  const std::uint16_t from_port = from_client ? kClientPort : server_port;
  const std::uint16_t to_port = from_client ? server_port : kClientPort;
  form.tcp ? builder.tcp(from_port, to_port) : builder.udp(from_port, to_port);
  return builder;
}

// Builds the frame. Pads it to the minimum size of Ethernet.
Frame frame_of(PacketBuilder builder, bool from_client) {
  const std::size_t bare = builder.build().bytes.size();
  const testing::TestPacket built = builder.padding(kLeast - std::min(kLeast, bare)).build();
  const testing::Decoded decoded = testing::decode(built);
  if (decoded.outcome != Counter::kPacketsMetered) throw std::logic_error("a generated frame cannot be decoded");
  return make_frame(built.raw(), decoded.packet, from_client);
}

// Returns a frame of `octets` octets, with payload. If the headers alone are longer, the frame has no payload.
Frame data(const Form& form, bool from_client, std::size_t octets) {
  const std::size_t bare = headers(form, from_client).build().bytes.size();
  const std::string payload(octets - std::min(octets, bare), 'x');
  return frame_of(headers(form, from_client).payload(payload), from_client);
}

// Returns a conversation of data frames of these sizes in octets, which repeats without end. Client and server send in
// turn. A TCP conversation begins with the handshake, which does not repeat.
Conversation conversation(const Form& form, std::span<const std::size_t> sizes) {
  Conversation made;
  if (form.tcp) {
    made.frames.push_back(frame_of(headers(form, true).syn(), true));
    made.frames.push_back(frame_of(headers(form, false).syn_ack(), false));
    made.frames.push_back(frame_of(headers(form, true).ack(), true));
  }
  made.steady = made.frames.size();
  bool from_client = true;
  for (const std::size_t octets : sizes) {
    made.frames.push_back(data(form, from_client, octets));
    from_client = !from_client;
  }
  return made;
}

// The "Internet mix" (IMIX): small, middle and large frames in the ratio 7:4:1.
constexpr std::array<std::size_t, 12> kMix = {kLeast, kMiddle, kLeast, kMiddle, kLeast, kGreatest,
                                              kLeast, kMiddle, kLeast, kMiddle, kLeast, kLeast};

std::vector<Conversation> mixed() {
  return {conversation({}, kMix), conversation({.tcp = false}, kMix), conversation({.ipv6 = true}, kMix),
          conversation({.vlan = true}, kMix)};
}

std::vector<Conversation> least() { return {conversation({}, std::array{kLeast, kLeast})}; }

std::vector<Conversation> syns() { return {{.frames = {frame_of(headers({}, true).syn(), true)}}}; }

std::vector<Conversation> elephant() { return {conversation({}, std::array{kGreatest, kLeast})}; }

constexpr std::array kKinds = {
    Kind{"mixed", "concurrent flows: TCP, UDP, IPv6 and VLAN, frames of 60, 590 and 1514 octets in the ratio 7:4:1",
         Order::kRounds, mixed},
    Kind{"flows", "concurrent flows: TCP, frames of 60 octets", Order::kRounds, least},
    Kind{"zipf", "flows that begin one after the other, with packets by Zipf's law: TCP, frames of 60 octets",
         Order::kPopular, least},
    Kind{"trace",
         "flows with the lengths of a published trace (bench/trace.h): TCP, UDP, IPv6 and VLAN, frames as in mixed",
         Order::kTrace, mixed},
    Kind{"syn_flood", "bare SYNs, one for each flow", Order::kOnce, syns},
    Kind{"elephant", "TCP, frames of 1514 octets in one direction and of 60 in the other", Order::kRounds, elephant},
};

}  // namespace

std::span<const Kind> kinds() { return kKinds; }

const Kind& kind_named(std::string_view name) {
  std::string names;
  for (const Kind& kind : kKinds) {
    if (kind.name == name) return kind;
    names += (names.empty() ? "" : ", ") + std::string(kind.name);
  }
  throw std::invalid_argument("there is no kind " + std::string(name) + "; the kinds are " + names);
}

}  // namespace spanflow::bench

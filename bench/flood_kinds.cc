#include "flood_kinds.h"

#include <array>
#include <cstring>
#include <stdexcept>
#include <string>

#include "support/packet_builder.h"
#include "support/tls_octets.h"

namespace spanflow::bench {
namespace {

using testing::PacketBuilder;
using Octets = std::vector<std::uint8_t>;

// Offsets in a frame of Ethernet and IPv4 without options, or IPv6.
constexpr std::size_t kIp = 14;
constexpr std::size_t kIpv4Id = kIp + 4;
constexpr std::size_t kIpv4Source = kIp + 12;
constexpr std::size_t kIpv4Transport = kIp + 20;
constexpr std::size_t kIpv6Source = kIp + 8;
constexpr std::size_t kIpv6Transport = kIp + 40;
constexpr std::size_t kGreatestFrame = 1514;

constexpr std::uint64_t kFlapPeriod = 100'000;  // flows of the flood "flap"

template <typename Number>
void put(std::span<std::uint8_t> octets, std::size_t at, Number number) {
  std::memcpy(&octets[at], &number, sizeof number);
}

PacketBuilder ip4() {
  PacketBuilder builder;
  builder.ethernet().ipv4("198.18.0.1", "203.0.113.1");
  return builder;
}

Octets octets_of(const PacketBuilder& builder) { return builder.build().bytes; }

// A random source address and port. The first octet of the address stays 198, so that no source is one of the
// conversations beside the flood.
void source4(std::span<std::uint8_t> octets, std::uint64_t random) {
  octets[kIpv4Source + 1] = static_cast<std::uint8_t>(random);
  put(octets, kIpv4Source + 2, static_cast<std::uint16_t>(random >> 8));
  put(octets, kIpv4Transport, static_cast<std::uint16_t>(random >> 24));
}

// Every `packets` packets in sequence are one flow.
template <std::uint64_t packets>
void numbered_source4(std::span<std::uint8_t> octets, std::uint64_t number, std::uint64_t) {
  source4(octets, number / packets * 0x9e3779b97f4a7c15 >> 17);
}

void random_source4(std::span<std::uint8_t> octets, std::uint64_t, std::uint64_t random) { source4(octets, random); }

std::vector<Octets> syns() { return {octets_of(ip4().tcp(1024, 80).syn().seq(1))}; }

std::vector<Octets> datagrams() { return {octets_of(ip4().udp(1024, 40'000).payload(200))}; }

void random_payload(std::span<std::uint8_t> octets, std::uint64_t, std::uint64_t random) {
  source4(octets, random);
  put(octets, kIpv4Transport + 2, static_cast<std::uint16_t>(random >> 40));  // the port of the destination
  for (std::size_t at = kIpv4Transport + 8; at + 8 <= octets.size(); at += 8) {
    random = (random ^ random >> 29) * 0xbf58476d1ce4e5b9;
    put(octets, at, random);
  }
}

std::vector<Octets> acks() { return {octets_of(ip4().tcp(1024, 443).ack().seq(1))}; }

std::vector<Octets> ip6_datagrams() {
  return {octets_of(PacketBuilder().ethernet().ipv6("2001:db8::1", "2001:db8:1::1").udp(1, 9).payload(8))};
}

// As far as an outsider can craft collisions: the sender knows the source of spanflow and every constant in it, but not
// the seed. These addresses undo how the port and the constant were once mixed into the hash of an endpoint.
void colliding(std::span<std::uint8_t> octets, std::uint64_t number, std::uint64_t) {
  const auto port = static_cast<std::uint16_t>(number);
  put(octets, kIpv6Source, number >> 16);
  put(octets, kIpv6Source + 8, std::uint64_t{port} << 47 ^ (port + 0xd1b54a32d192ed03));
  put(octets, kIpv6Transport, port);
}

// First fragments whose rest never comes, and later fragments whose first never comes.
std::vector<Octets> torn_datagrams() {
  return {octets_of(ip4().fragment(0, true).udp(1024, 40'000).payload(1400)),
          octets_of(ip4().fragment(1480, true).payload(1400))};
}

void torn(std::span<std::uint8_t> octets, std::uint64_t, std::uint64_t random) {
  octets[kIpv4Source + 1] = static_cast<std::uint8_t>(random);
  put(octets, kIpv4Source + 2, static_cast<std::uint16_t>(random >> 8));
  put(octets, kIpv4Id, static_cast<std::uint16_t>(random >> 24));
}

std::vector<Octets> deep_tunnels() {
  PacketBuilder ipip = ip4();
  for (int depth = 0; depth < 50; ++depth) ipip.ipv4("198.18.0.1", "203.0.113.1");
  PacketBuilder gre = ip4();
  for (int depth = 0; depth < 50; ++depth) gre.gre().ipv4("198.18.0.1", "203.0.113.1");
  return {octets_of(ipip.udp(1024, 40'000).payload(8)), octets_of(gre.udp(1024, 40'000).payload(8))};
}

// Only the source of the outermost packet changes.
void outer_source(std::span<std::uint8_t> octets, std::uint64_t, std::uint64_t random) {
  put(octets, kIpv4Source + 2, static_cast<std::uint16_t>(random));
}

std::vector<Octets> extension_chains() {
  constexpr std::uint8_t kDestinationOptions = 60;
  constexpr std::size_t kHeaders = (kGreatestFrame - kIpv6Transport - 8) / 8;
  PacketBuilder most = PacketBuilder().ethernet().ipv6("2001:db8::1", "2001:db8:1::1");
  for (std::size_t i = 0; i < kHeaders; ++i) most.extension(kDestinationOptions);
  PacketBuilder few = PacketBuilder().ethernet().ipv6("2001:db8::1", "2001:db8:1::1");
  for (int i = 0; i < 7; ++i) few.extension(kDestinationOptions);
  return {octets_of(most.udp(1024, 40'000)), octets_of(few.udp(1024, 40'000))};
}

void source6(std::span<std::uint8_t> octets, std::uint64_t, std::uint64_t random) {
  put(octets, kIpv6Source + 8, random);
}

std::string name_of(std::size_t octets) {
  std::string name;
  while (name.size() < octets) name += "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-012345678.";
  name.resize(octets);
  return name;
}

std::string dns_query(std::size_t labels) {
  std::string query("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12);
  for (std::size_t i = 0; i < labels; ++i) query += testing::sized8(std::string(62, 'n'));
  return query + std::string("\x00\x00\x01\x00\x01", 5);
}

// Names as long as a packet allows: the server name of a hello, host, URL and agent of a request, a DNS query.
std::vector<Octets> long_names() {
  const std::string hello =
      testing::tls_records(testing::HelloParts{.extensions = testing::server_name_extension(name_of(1200))}.message());
  const std::string request =
      "GET /" + name_of(500) + " HTTP/1.1\r\nHost: " + name_of(400) + "\r\nUser-Agent: " + name_of(400) + "\r\n\r\n";
  return {octets_of(ip4().tcp(1024, 443).ack().payload(hello)), octets_of(ip4().tcp(1024, 80).ack().payload(request)),
          octets_of(ip4().udp(1024, 53).payload(dns_query(4)))};
}

constexpr std::size_t kHelloPackets = 12;

// A SYN, and all segments of a hello of 16,000 octets but the last one.
std::vector<Octets> endless_hellos() {
  constexpr std::size_t kSegment = 1400;
  const std::string hello = testing::tls_records(testing::HelloParts{.ciphers = std::string(16'000, 'c')}.message());
  std::vector<Octets> frames = {octets_of(ip4().tcp(1024, 443).syn().seq(0))};
  for (std::size_t at = 0; frames.size() < kHelloPackets; at += kSegment) {
    const auto sequence = static_cast<std::uint32_t>(1 + at);
    frames.push_back(octets_of(ip4().tcp(1024, 443).ack().seq(sequence).payload(hello.substr(at, kSegment))));
  }
  return frames;
}

std::vector<Octets> resets() {
  return {octets_of(ip4().tcp(1024, 443).syn().seq(1)), octets_of(ip4().tcp(1024, 443).rst().seq(2))};
}

// Each flow has a packet at every inactive timeout of 1 s, so every packet ends a record and begins another one.
void flapping(std::span<std::uint8_t> octets, std::uint64_t number, std::uint64_t) {
  source4(octets, number % kFlapPeriod * 0x9e3779b97f4a7c15 >> 17);
}

constexpr std::array kFloods = {
    Flood{"none", "no flood: only the conversations", 0, syns, random_source4},
    Flood{"syn", "SYNs from random sources", 1'000'000, syns, random_source4},
    Flood{"udp", "datagrams of 200 random octets from random sources: nDPI's worst case", 200'000, datagrams,
          random_payload},
    Flood{"flows", "flows of one packet each, all different", 1'000'000, acks, numbered_source4<1>},
    Flood{"collisions", "IPv6 addresses and ports crafted to collide in the flow table", 500'000, ip6_datagrams,
          colliding},
    Flood{"fragments", "fragments of datagrams that never complete", 500'000, torn_datagrams, torn},
    Flood{"tunnels", "50 tunnels in each other, IP in IP and GRE", 500'000, deep_tunnels, outer_source},
    Flood{"extensions", "IPv6 extension headers: 182, and 7 of them", 500'000, extension_chains, source6},
    Flood{"names", "names as long as a packet allows: TLS, HTTP, DNS", 100'000, long_names, numbered_source4<1>},
    Flood{"hellos", "hellos of 16 KiB without their last segment", 200'000, endless_hellos,
          numbered_source4<kHelloPackets>},
    Flood{"resets", "a SYN and a RST from each source", 1'000'000, resets, numbered_source4<2>},
    Flood{"flap", "100,000 flows with a packet at every inactive timeout", kFlapPeriod, acks, flapping,
          "flow.inactive_timeout=1s"},
};

}  // namespace

std::span<const Flood> floods() { return kFloods; }

const Flood& flood_named(std::string_view name) {
  std::string names;
  for (const Flood& flood : kFloods) {
    if (flood.name == name) return flood;
    names += (names.empty() ? "" : ", ") + std::string(flood.name);
  }
  throw std::invalid_argument("there is no flood " + std::string(name) + "; the floods are " + names);
}

}  // namespace spanflow::bench

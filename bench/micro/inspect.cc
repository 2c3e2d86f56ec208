// The cost of the readers of payload. Times are per flow: from its first packet to the release of its metadata; items
// are messages.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "inspect/inspector.h"
#include "support/application_packets.h"
#include "support/decoding.h"
#include "support/quic_packets.h"
#include "support/tls_octets.h"

namespace spanflow::bench {
namespace {

using testing::Decoded;
using testing::PacketBuilder;
using testing::TestPacket;

struct Frames {
  std::vector<TestPacket> frames;
  std::int64_t messages = 1;
};

PacketBuilder client() { return PacketBuilder().ethernet().ipv4("10.0.0.1", "172.16.0.1"); }
PacketBuilder server() { return PacketBuilder().ethernet().ipv4("172.16.0.1", "10.0.0.1"); }

TestPacket segment(std::uint32_t sequence, const std::string& payload, std::uint16_t port = 443) {
  return client().tcp(40'000, port).ack().seq(sequence).payload(payload).build();
}
TestPacket datagram(std::uint16_t port, const std::string& payload) {
  return client().udp(40'000, port).payload(payload).build();
}

void inspect(benchmark::State& state, const Frames& flow) {
  std::vector<Packet> packets;
  for (const TestPacket& frame : flow.frames) {
    packets.push_back(testing::decode(frame).packet);
    packets.back().direction = packets.back().key.dst_port == 40'000 ? Direction::kDstToSrc : Direction::kSrcToDst;
  }
  Counters counters;
  MetadataStore store(1 << 20, 1, counters);
  NameCache names(1024, 1);
  const auto inspector = std::make_unique<Inspector>(ReaderSet::all(), store, &names, counters);
  for (auto _ : state) {
    InspectionState reading;
    for (const Packet& packet : packets) {
      if (!Inspector::wants(reading, packet)) continue;
      inspector->inspect({0, reading, BiflowDirection::kInitiator, std::nullopt}, packet);
    }
    inspector->release(reading);
    if (!store.has_any(0) && flow.messages > 0) state.SkipWithError("nothing was read");
    store.release(0);
  }
  state.SetItemsProcessed(state.iterations() * flow.messages);
}

std::string hello(std::size_t key_share) {
  const std::string parts = testing::server_name_extension("www.example.org") +
                            testing::extension(16, testing::sized16(testing::sized8("h2"))) +
                            testing::extension(43, testing::sized8(testing::be16(0x0304))) +
                            testing::extension(51, std::string(key_share, 'k'));
  return testing::HelloParts{.extensions = parts}.message();
}

Frames tls_hello() { return {{segment(1, testing::tls_records(hello(38)))}}; }

Frames tls_hello_in_two_segments() {
  const std::string octets = testing::tls_records(hello(1'200));
  return {{segment(1, octets.substr(0, 1'000)), segment(1'001, octets.substr(1'000))}};
}

Frames quic_hello() {
  return {{datagram(443, testing::initial_packet({}, testing::crypto_frame(0, hello(38)) + std::string(900, '\0')))}};
}

Frames quic_hello_in_two_datagrams() {
  const std::string octets = hello(1'200);
  return {{datagram(443, testing::initial_packet({}, testing::crypto_frame(600, octets.substr(600)))),
           datagram(443, testing::initial_packet({.number = 1}, testing::crypto_frame(0, octets.substr(0, 600))))}};
}

Frames http_requests(std::uint32_t count) {
  Frames flow{.frames = {}, .messages = count};
  const std::string request = testing::http_get("www.example.org");
  for (std::uint32_t i = 0; i < count; ++i) {
    flow.frames.push_back(segment(1 + i * static_cast<std::uint32_t>(request.size()), request, 80));
  }
  return flow;
}

Frames dns_messages() {
  const std::string query = testing::dns_query("www.example.org");
  std::string reply = query;
  reply[2] = '\x81';
  reply[3] = '\x80';
  reply[7] = 2;
  for (int i = 0; i < 2; ++i) reply += std::string("\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1", 16);
  return {.frames = {datagram(53, query), server().udp(53, 40'000).payload(reply).build()}, .messages = 2};
}

Frames unknown_payload() { return {.frames = {datagram(4'000, std::string(100, '\x07'))}, .messages = 0}; }

BENCHMARK_CAPTURE(inspect, tls_hello, tls_hello());
BENCHMARK_CAPTURE(inspect, tls_hello_in_two_segments, tls_hello_in_two_segments());
BENCHMARK_CAPTURE(inspect, quic_hello, quic_hello());
BENCHMARK_CAPTURE(inspect, quic_hello_in_two_datagrams, quic_hello_in_two_datagrams());
BENCHMARK_CAPTURE(inspect, one_http_request, http_requests(1));
BENCHMARK_CAPTURE(inspect, ten_http_requests, http_requests(10));
BENCHMARK_CAPTURE(inspect, dns_query_and_reply, dns_messages());
BENCHMARK_CAPTURE(inspect, unknown_payload, unknown_payload());

}  // namespace
}  // namespace spanflow::bench

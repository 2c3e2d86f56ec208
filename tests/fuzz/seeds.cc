// Writes the seeds of all fuzz targets: FOLDER/TARGET/NAME.
//
//   fuzz_seeds FOLDER
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>

#include "options/describe.h"
#include "packet_sequence.h"
#include "support/application_packets.h"
#include "support/capture_writer.h"
#include "support/quic_packets.h"
#include "support/random_traffic.h"
#include "support/recorded_packets.h"
#include "support/temporary_folder.h"

namespace spanflow::fuzz {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::Bytes;
using testing::PacketBuilder;
using testing::TestPacket;

class Seeds {
 public:
  explicit Seeds(fs::path folder) : folder_(std::move(folder)) {}

  void add(const std::string& target, const std::string& name, std::string_view content) const {
    fs::create_directories(folder_ / target);
    std::ofstream(folder_ / target / name, std::ios::binary) << content;
  }
  void add(const std::string& target, const std::string& name, const Bytes& content) const {
    add(target, name, std::string_view(reinterpret_cast<const char*>(content.data()), content.size()));
  }

 private:
  fs::path folder_;
};

std::vector<fs::path> captures() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(SPANFLOW_TEST_CAPTURES)) {
    const std::string name = entry.path().filename();
    if (name.find(".pcap") != std::string::npos) found.push_back(entry.path());
  }
  std::ranges::sort(found);
  return found;
}

// --- Packets ---

constexpr std::array<std::string_view, 4> kPacketTargets = {"decode", "meter", "meter_dpi", "workers"};

void add_packets(const Seeds& seeds, const std::string& name, std::span<const TestPacket> packets) {
  for (const std::string_view target : kPacketTargets) {
    for (const std::uint8_t variant : {0, 1, 2, 3}) {
      seeds.add(std::string(target), fmt::format("{}.{}", name, variant), sequence_of(variant, packets));
    }
  }
}

PacketBuilder outer() { return PacketBuilder().ethernet().ipv4("172.16.0.1", "172.16.0.2"); }
PacketBuilder with_inner(PacketBuilder tunnel) { return tunnel.ipv4("10.0.0.1", "10.0.0.2").udp(1000, 53).payload(20); }

std::vector<TestPacket> tunnels() {
  std::vector<TestPacket> packets;
  for (const PacketBuilder& tunnel :
       {outer(), outer().gre(), outer().gre_with_key(7), outer().gre_with_everything(7), outer().gre_with_routing(7),
        outer().erspan1().ethernet(), outer().erspan2(5).ethernet(), outer().erspan3(5).ethernet(),
        outer().erspan3(5, true).ethernet(), outer().udp(1, 4789).vxlan(7).ethernet(),
        outer().udp(1, 6081).geneve(7, 8).ethernet(), outer().udp(2152, 2152).gtp(9),
        outer().udp(2152, 2152).gtp_with_extension(9), outer().udp(5247, 5247).capwap().ethernet(),
        outer().udp(5247, 5247).capwap_80211(), outer().mpls(16), outer().udp(1, 6635).mpls(16)}) {
    packets.push_back(with_inner(tunnel).build());
  }
  return packets;
}

std::vector<TestPacket> links() {
  std::vector<TestPacket> packets;
  for (const PacketBuilder& link :
       {PacketBuilder().ethernet().llc_snap(), PacketBuilder().ethernet().vlan(5),
        PacketBuilder().ethernet().vlan(5).vlan(6), PacketBuilder().ethernet().mpls(16).mpls(17),
        PacketBuilder().ethernet().mpls(16).control_word().ethernet(), PacketBuilder().ethernet().pppoe(1)}) {
    packets.push_back(with_inner(link).build());
    packets.push_back(PacketBuilder(link).ipv6("fd00::1", "fd00::2").extension(60).tcp(1, 80).syn().build());
  }
  return packets;
}

std::vector<TestPacket> fragments() {
  std::vector<TestPacket> packets;
  for (const bool more : {true, false}) {
    packets.push_back(outer().fragment(more ? 0 : 64, more, 7).udp(1000, 53).payload(56).at(1s).build());
    packets.push_back(PacketBuilder()
                          .ethernet()
                          .ipv6("fd00::1", "fd00::2")
                          .fragment_header(more ? 0 : 64, more, 7)
                          .udp(1000, 53)
                          .payload(56)
                          .at(1s)
                          .build());
  }
  packets.push_back(outer()
                        .fragment(0, true, 8)
                        .udp(1, 4789)
                        .vxlan(7)
                        .ethernet()
                        .ipv4("10.0.0.1", "10.0.0.2")
                        .udp(1000, 53)
                        .payload(100)
                        .at(1s)
                        .build());
  packets.push_back(outer().fragment(160, false, 8).ip_protocol(protocol::kUdp).payload(56).at(1s).build());
  return packets;
}

void add_other_links(const Seeds& seeds) {
  for (const PacketBuilder& link :
       {PacketBuilder().raw_ip(), PacketBuilder().null_link(), PacketBuilder().loop_link(),
        PacketBuilder().linux_cooked(), PacketBuilder().linux_cooked2(), PacketBuilder().ppp()}) {
    const std::vector packets{with_inner(link).build(), with_inner(link).fragment(8, false, 1).build()};
    add_packets(seeds, fmt::format("link_{}", static_cast<int>(packets.front().link_type)), packets);
  }
  for (const LinkTypeRow& row : link_types()) {
    const std::vector packets{TestPacket{.bytes = Bytes(80, 0), .wire = 80, .link_type = row.type}};
    add_packets(seeds, fmt::format("zeros_{}", row.number), packets);
  }
}

// A capture in pieces, so that mutations find all its packets.
void add_capture(const Seeds& seeds, const std::string& name) {
  constexpr std::size_t kPiece = 8;
  constexpr std::size_t kMostPieces = 16;
  const auto packets = testing::recorded_packets(name);
  for (std::size_t i = 0; i < kMostPieces && i * kPiece < packets.size(); ++i) {
    const auto piece = std::span(packets).subspan(i * kPiece, std::min(kPiece, packets.size() - i * kPiece));
    for (const std::string_view target : kPacketTargets) {
      seeds.add(std::string(target), fmt::format("{}.{}", name, i),
                sequence_of(static_cast<std::uint8_t>(i * 5), piece));
    }
  }
}

void add_packet_seeds(const Seeds& seeds) {
  add_packets(seeds, "tunnels", tunnels());
  add_packets(seeds, "links", links());
  add_packets(seeds, "fragments", fragments());
  for (const unsigned seed : {1, 2, 3, 4}) {
    add_packets(seeds, fmt::format("mixed_{}", seed), testing::mixed_traffic(seed, 40, seed > 2));
  }
  add_other_links(seeds);
  for (const fs::path& capture : captures()) add_capture(seeds, capture.filename());
}

// --- Payloads ---

// A flow of payloads for the target `payload`. A payload of a server has an odd first octet.
TestPacket payload_of_client(const std::string& octets, std::uint8_t form = 0) {
  TestPacket packet{.bytes = Bytes{form}, .wire = static_cast<std::uint32_t>(octets.size() + 1)};
  packet.bytes.insert(packet.bytes.end(), octets.begin(), octets.end());
  return packet;
}
TestPacket payload_of_server(const std::string& octets) { return payload_of_client(octets, 1); }

enum Variant : std::uint8_t { kTls = 0, kHttp = 1, kDns = 2, kSsh = 3, kDot = 4, kUdp = 8, kSynsSeen = 16 };

void add_built_payloads(const Seeds& seeds) {
  const auto add = [&](const std::string& name, unsigned variant, const std::vector<TestPacket>& payloads) {
    seeds.add("payload", name, sequence_of(static_cast<std::uint8_t>(variant), payloads));
  };
  const std::string hello = testing::tls_client_hello("www.example.org");
  add("tls", kTls | kSynsSeen, {payload_of_client(hello), payload_of_server(testing::tls_server_hello())});
  add("tls_cut", kTls, {payload_of_client(hello.substr(0, 30)), payload_of_client(hello.substr(30))});
  add("http", kHttp, {payload_of_client(testing::http_get("a.example")), payload_of_server(testing::http_response())});
  add("dns", kDns | kUdp, {payload_of_client(testing::dns_query("www.example.com"))});
  constexpr std::uint8_t kProtect = 8;
  const std::string message = hello.substr(5);  // without the header of its TLS record
  add("quic", kTls | kUdp, {payload_of_client(testing::crypto_frame(0, message), kProtect)});
  add("quic_cut", kTls | kUdp,
      {payload_of_client(testing::crypto_frame(100, message.substr(100)), kProtect | 16),
       payload_of_client(testing::crypto_frame(0, message.substr(0, 100)), kProtect | 16)});
}

// The payloads of a capture, flow by flow.
void add_recorded_payloads(const Seeds& seeds, const std::string& name) {
  constexpr std::size_t kMostFlows = 40;
  constexpr std::size_t kMostPayloads = 12;
  std::map<std::string, std::vector<TestPacket>> flows;
  std::map<std::string, std::uint8_t> variants;
  for (const TestPacket& frame : testing::recorded_packets(name)) {
    const testing::Decoded decoded = testing::decode(frame);
    const Packet& packet = decoded.packet;
    if (decoded.outcome != Counter::kPacketsMetered || packet.payload_size == 0) continue;
    const bool from_server = packet.key.src_port < packet.key.dst_port;
    const std::uint16_t port = std::min(packet.key.src_port, packet.key.dst_port);
    const std::string flow =
        fmt::format("{}_{}_{}", packet.key.ip_protocol, port, std::max(packet.key.src_port, packet.key.dst_port));
    auto& payloads = flows[flow];
    if (flows.size() > kMostFlows || payloads.size() == kMostPayloads) continue;
    const Cursor octets = payload_of(packet);
    const std::string text(reinterpret_cast<const char*>(octets.data()), octets.captured());
    payloads.push_back(from_server ? payload_of_server(text) : payload_of_client(text));
    const std::map<std::uint16_t, std::uint8_t> of_port = {{80, kHttp}, {53, kDns}, {22, kSsh}, {853, kDot}};
    const auto known = of_port.find(port);
    const unsigned udp = packet.key.ip_protocol == protocol::kUdp ? kUdp : kSynsSeen;
    variants[flow] = static_cast<std::uint8_t>((known == of_port.end() ? kTls : known->second) | udp);
  }
  for (const auto& [flow, payloads] : flows) {
    if (!payloads.empty()) seeds.add("payload", name + "." + flow, sequence_of(variants[flow], payloads));
  }
}

void add_payload_seeds(const Seeds& seeds) {
  add_built_payloads(seeds);
  for (const fs::path& capture : captures()) add_recorded_payloads(seeds, capture.filename());
}

// --- Files and texts ---

void add_captures(const Seeds& seeds) {
  const auto packets = testing::mixed_traffic(1, 20);
  const Bytes pcap = testing::pcap_of(packets);
  const Bytes pcapng = testing::pcapng_of(packets);
  seeds.add("capture", "pcap", pcap);
  seeds.add("capture", "pcap_swapped", testing::pcap_of(packets, {.nanoseconds = false, .other_byte_order = true}));
  seeds.add("capture", "pcapng", pcapng);
  seeds.add("capture", "pcap.gz", testing::gzip(pcap));
  seeds.add("capture", "pcapng.zst", testing::zstd(pcapng));
  constexpr std::uintmax_t kMostOctets = 20'000;
  for (const fs::path& capture : captures()) {
    if (fs::file_size(capture) <= kMostOctets) {
      seeds.add("capture", capture.filename(), testing::content_of(capture));
    }
  }
}

void add_texts(const Seeds& seeds) {
  // Operations of the target `spool`: 0 appends, 2 reads, 3 acknowledges, 5 cuts a file, 6 damages one, 7 opens again.
  std::string operations;
  for (int i = 0; i < 12; ++i) operations += std::string("\0\x28", 2) + std::string(40, static_cast<char>('a' + i));
  seeds.add("spool", "reopened", operations + std::string("\x07\x02\x05\x03\x00\x07\x02\x0f", 8));
  seeds.add("spool", "cut", operations + std::string("\x05\x01\x90\x00\x02\x0f", 6));
  seeds.add("spool", "damaged", operations + std::string("\x06\x01\x90\x00\x02zz\x02\x0f", 9));
  const std::string lines = "a,b\n1,2\n3,4\n";
  seeds.add("part_file", "plain", std::string("\0\x0a\0\0\0\0", 6) + lines);
  seeds.add("part_file", "zstd", std::string("\1\x10\0\0\0\0", 6) + lines);
  seeds.add("part_file", "zstd_damaged", std::string("\1\xff\0\x0c\0\x20", 6) + lines);
  seeds.add("configuration", "sample", dump_config(Config{}));
  seeds.add("configuration", "sinks",
            "sinks:\n  - {type: csv, path: a.csv, fields: [ip_src, full]}\n  - type: jsonl\n");
  seeds.add("configuration", "metrics", "metrics:\n  syns: {aggregate: count, when: tcp[13] & 2 != 0}\n");
  const auto frame = PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").tcp(1, 80).syn().build();
  const std::string octets(frame.bytes.begin(), frame.bytes.end());
  for (const std::string expression :
       {"tcp port 80 and not host 10.0.0.1", "ip6 or (vlan and udp portrange 1-100)", "tcp[tcpflags] & tcp-syn != 0",
        "ether[0] & 1 = 0 and len > 60", "net 10.0.0.0/8 or mpls 5", "icmp[icmptype] = icmp-echo"}) {
    seeds.add("filter", std::string(expression, 0, 8),
              std::string(1, '\1') + static_cast<char>(expression.size()) + expression + octets);
  }
  seeds.add("control", "echo", "\xff{\"command\": \"echo\", \"text\": \"\\u00e4\"}\n");
  seeds.add("control", "number", "\1{\"command\": \"number\", \"n\": 5}\n");
  seeds.add("control", "unknown", "\2{\"command\": \"reload\"}");
  for (const char fill : {'\0', '\1', '"', ',', '\x1b', '\xe4', '\xff'}) {
    seeds.add("writers", fmt::format("filled_{}", static_cast<unsigned char>(fill)), std::string(3000, fill));
  }
}

}  // namespace
}  // namespace spanflow::fuzz

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: fuzz_seeds FOLDER\n";
    return 2;
  }
  const spanflow::fuzz::Seeds seeds(argv[1]);
  spanflow::fuzz::add_packet_seeds(seeds);
  spanflow::fuzz::add_payload_seeds(seeds);
  spanflow::fuzz::add_captures(seeds);
  spanflow::fuzz::add_texts(seeds);
  return 0;
}

// Classifies the applications of flows with the real nDPI.
#include "dpi/classifier.h"

#include <gmock/gmock.h>
#include <malloc.h>

#include "base/error.h"
#include "dpi/ndpi_api.h"
#include "support/application_packets.h"
#include "support/decoding.h"
#include "support/flow_harness.h"
#include "support/temporary_folder.h"
#include "support/tls_octets.h"

namespace spanflow::testing::classifier_test {
namespace {

using namespace std::chrono_literals;

PacketBuilder client(std::uint16_t server_port, std::chrono::nanoseconds time) {
  return PacketBuilder().ethernet().ipv4("192.168.7.1", "192.168.7.2").tcp(50000, server_port).at(time);
}

PacketBuilder server(std::uint16_t server_port, std::chrono::nanoseconds time) {
  return PacketBuilder().ethernet().ipv4("192.168.7.2", "192.168.7.1").tcp(server_port, 50000).at(time);
}

// Returns the packets of a handshake, a request and a response.
std::vector<TestPacket> connection(std::uint16_t port, const std::string& request, const std::string& response) {
  return {client(port, 1s).syn().seq(100).build(), server(port, 1s + 1ms).syn_ack().seq(900).ack_number(101).build(),
          client(port, 1s + 2ms).ack().seq(101).ack_number(901).build(),
          client(port, 1s + 3ms).flags(0x18).seq(101).ack_number(901).payload(request).build(),
          server(port, 1s + 4ms).flags(0x18).seq(901).ack_number(101 + request.size()).payload(response).build()};
}

TestPacket udp(std::uint16_t source_port, std::uint16_t port, const std::string& payload,
               std::chrono::nanoseconds time = 1s) {
  return PacketBuilder()
      .ethernet()
      .ipv4("192.168.7.1", "192.168.7.2")
      .udp(source_port, port)
      .payload(payload)
      .at(time)
      .build();
}

FlowHarness::Options with_dpi(std::uint32_t states = 64) { return {.dpi = true, .dpi_states = states}; }

FlowRecord only_record_of(const std::vector<TestPacket>& packets, const Config& config = {}) {
  FlowHarness flows(config, with_dpi());
  for (const TestPacket& packet : packets) flows.add(packet);
  const auto records = flows.finish();
  EXPECT_EQ(records.size(), 1U);
  EXPECT_EQ(flows.counter(Counter::kDpiClassified) + flows.counter(Counter::kDpiGivenUp), 1U);
  return records.at(0);
}

// nDPI without a Classifier.
class NdpiModule {
 public:
  NdpiModule() {
    ndpi::enable_all_protocols(get());
    ndpi_finalize_initialization(get());
  }
  ndpi::Module* get() const { return module_.get(); }
  std::string name_of(const ndpi_protocol& result) const {
    std::array<char, 128> name{};
    ndpi::protocol_name(get(), result, name.data(), name.size());
    return name.data();
  }

 private:
  std::unique_ptr<ndpi::Module, decltype(&ndpi_exit_detection_module)> module_{ndpi::make_module(),
                                                                               &ndpi_exit_detection_module};
};

TEST(Classifier, ATlsClientHelloIsCalledByItsServerName) {
  const auto record = only_record_of(connection(443, tls_client_hello("www.instagram.com"), tls_server_hello()));
  EXPECT_EQ(record.application_name, "TLS.Instagram");
  EXPECT_EQ(record.category_name, "SocialNetwork");
  EXPECT_FALSE(record.application_is_guessed);
  EXPECT_TRUE(record.has_application);
  EXPECT_EQ(record.application_confidence, NDPI_CONFIDENCE_DPI);
}

TEST(Classifier, ConfidencesHaveTheNumbersOfNdpi5) {
  EXPECT_EQ(Classifier::confidence_in_ndpi_5(NDPI_CONFIDENCE_UNKNOWN), 0);
  EXPECT_EQ(Classifier::confidence_in_ndpi_5(NDPI_CONFIDENCE_MATCH_BY_PORT), 1);
  EXPECT_EQ(Classifier::confidence_in_ndpi_5(NDPI_CONFIDENCE_DPI_CACHE), 5);
  EXPECT_EQ(Classifier::confidence_in_ndpi_5(NDPI_CONFIDENCE_DPI), 6);
  EXPECT_EQ(Classifier::confidence_in_ndpi_5(NDPI_CONFIDENCE_MATCH_BY_IP), 7);
}

TEST(Classifier, ATlsClientHelloToAnUnknownServerIsTls) {
  const auto record = only_record_of(connection(8443, tls_client_hello("www.example.test"), tls_server_hello()));
  EXPECT_EQ(record.application_name, "TLS");
  EXPECT_EQ(record.category_name, "Web");
}

TEST(Classifier, AnHttpRequestIsHttp) {
  const auto record = only_record_of(connection(8080, http_get("www.example.test"), http_response()));
  EXPECT_EQ(record.application_name, "HTTP");
  EXPECT_EQ(record.category_name, "Web");
  EXPECT_FALSE(record.application_is_guessed);
}

TEST(Classifier, ADnsQueryIsDns) {
  const auto record = only_record_of({udp(40000, 53, dns_query("www.example.test"))});
  EXPECT_EQ(record.application_name, "DNS");
  EXPECT_EQ(record.category_name, "Network");
}

TEST(Classifier, ABareSynIsGuessedByItsPort) {
  const auto record = only_record_of({client(443, 1s).syn().build()});
  EXPECT_EQ(record.application_name, "TLS");
  EXPECT_TRUE(record.application_is_guessed);
  EXPECT_EQ(record.application_confidence, NDPI_CONFIDENCE_MATCH_BY_PORT);
}

// Earlier, 65,536 such flows took 1 GiB.
TEST(Classifier, UnfinishedTlsMessagesTakeBoundedMemory) {
  constexpr std::uint32_t kFlows = 4096;
  constexpr std::size_t kSegment = 1400;
  const std::string hello = tls_records(HelloParts{.ciphers = std::string(16'000, 'c')}.message());
  const auto packet = [&](std::uint32_t flow, std::uint32_t segment) {
    const auto port = static_cast<std::uint16_t>(10'000 + flow);
    return PacketBuilder()
        .ethernet()
        .ipv4("192.168.7.1", "192.168.7.2")
        .tcp(port, 443)
        .seq(101 + segment * kSegment)
        .payload(hello.substr(segment * kSegment, kSegment))
        .at(1s)
        .build();
  };
  FlowHarness flows({}, with_dpi(kFlows));
  const std::size_t before = mallinfo2().uordblks;
  for (std::uint32_t segment = 0; segment < 10; ++segment) {
    for (std::uint32_t flow = 0; flow < kFlows; ++flow) flows.add(packet(flow, segment));
  }
  EXPECT_GT(flows.counter(Counter::kDpiPoolFull), kFlows / 2);
  EXPECT_LT(mallinfo2().uordblks, before + 2 * kFlows * 1024);
  EXPECT_EQ(flows.finish().size(), kFlows);
  EXPECT_EQ(flows.counter(Counter::kDpiClassified) + flows.counter(Counter::kDpiGivenUp), kFlows);
}

// nDPI has a list of Apple's networks, which contains 17.253.1.1.
TEST(Classifier, ABareSynToAKnownNetworkIsGuessedByItsAddress) {
  for (const auto& [port, name] : {std::pair{443, "TLS.Apple"}, std::pair{40002, "Apple"}}) {
    const auto record = only_record_of(
        {PacketBuilder().ethernet().ipv4("192.168.7.1", "17.253.1.1").tcp(50000, port).syn().at(1s).build()});
    EXPECT_EQ(record.application_name, name);
    EXPECT_TRUE(record.application_is_guessed);
    EXPECT_EQ(record.application_confidence, NDPI_CONFIDENCE_MATCH_BY_IP);
  }
}

TEST(Classifier, ABareSynToAnUnknownPortIsUnknown) {
  const auto record = only_record_of({client(40002, 1s).syn().build()});
  EXPECT_EQ(record.application_name, "Unknown");
  EXPECT_FALSE(record.application_is_guessed);
  EXPECT_EQ(record.application_confidence, NDPI_CONFIDENCE_UNKNOWN);
}

TEST(Classifier, GuessesForEveryPortAsNdpiDoes) {
  const Config::Dpi options;
  Counters counters;
  Classifier classifier(options, 1, {}, counters);
  const NdpiModule ndpi;
  FlowKey key = decode(client(443, 1s).syn()).packet.key;
  for (const std::uint8_t ip_protocol : {protocol::kTcp, protocol::kUdp}) {
    key.ip_protocol = ip_protocol;
    for (const std::uint16_t other : {50001, 53}) {
      for (unsigned port = 1; port <= 0xffff; ++port) {
        key.src_port = other;
        key.dst_port = static_cast<std::uint16_t>(port);
        FlowInspection inspection;
        FlowRecord record;
        classifier.describe(classifier.conclude(inspection, key, false), record);
        const ndpi_protocol guessed = ndpi::guess(ndpi.get(), ip_protocol, 0xc0a80701, other, 0xc0a80702, key.dst_port);
        ASSERT_EQ(record.application_name, ndpi.name_of(guessed))
            << "protocol " << int{ip_protocol} << " port " << port;
      }
    }
  }
}

// nDPI remembers the peers of BitTorrent flows by address and port.
TEST(Classifier, ABareSynToAPeerOfBitTorrentIsGuessed) {
  const std::string handshake =
      "\x13"
      "BitTorrent protocol" +
      std::string(48, 'x');
  FlowHarness flows({}, with_dpi());
  for (const TestPacket& packet : connection(40002, handshake, handshake)) flows.add(packet);
  flows.add(PacketBuilder().ethernet().ipv4("192.168.7.9", "192.168.7.2").tcp(50001, 40002).syn().at(5s).build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].application_name, "BitTorrent");
  EXPECT_EQ(records[1].application_name, "BitTorrent");
}

TEST(Classifier, WhatNobodyKnowsIsUnknown) {
  const auto record = only_record_of({udp(40001, 40002, "\x01\x02\x03\x04\x05\x06\x07\x08")});
  EXPECT_EQ(record.application_name, "Unknown");
  EXPECT_FALSE(record.application_is_guessed);
}

TEST(Classifier, PingIsIcmp) {
  const TestPacket ping = PacketBuilder().ethernet().ipv4("192.168.7.1", "192.168.7.2").icmp(8, 0).payload(56).build();
  EXPECT_EQ(only_record_of({ping}).application_name, "ICMP");
}

TEST(Classifier, ALabelStaysAcrossAnActiveCut) {
  Config config;
  config.flow.active_timeout = 10s;
  FlowHarness flows(config, with_dpi());
  for (const TestPacket& packet : connection(443, tls_client_hello("www.instagram.com"), tls_server_hello())) {
    flows.add(packet);
  }
  flows.add(client(443, 12s).ack().payload("more").build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].application_name, "TLS.Instagram");
  EXPECT_EQ(records[1].application_name, "TLS.Instagram");
}

// Returns the name that nDPI finds without a Classifier, if it sees every packet in its original form.
std::string name_without_replay(const std::vector<TestPacket>& packets) {
  const NdpiModule ndpi;
  const auto flow = std::make_unique<ndpi::FlowState>();
  for (const TestPacket& raw : packets) {
    const Packet packet = decode(raw).packet;
    ndpi::process(ndpi.get(), flow.get(), packet.ip, static_cast<std::uint16_t>(packet.ip_captured),
                  raw.time_ns / 1'000'000);
  }
  bool guessed = false;
  const ndpi_protocol result = ndpi::give_up(ndpi.get(), flow.get(), guessed);
  ndpi_free_flow_data(flow.get());
  return ndpi.name_of(result);
}

TEST(HandshakeReplay, GivesTheLabelThatEveryPacketWouldGive) {
  const std::vector<std::vector<TestPacket>> connections = {
      connection(443, tls_client_hello("www.instagram.com"), tls_server_hello()),
      connection(9443, tls_client_hello("www.example.test"), tls_server_hello()),
      connection(80, http_get("www.example.test"), http_response()),
      connection(22, "SSH-2.0-OpenSSH_9.2\r\n", "SSH-2.0-OpenSSH_9.2\r\n"),
      connection(25, "EHLO client.example.test\r\n", "220 mail.example.test ESMTP Postfix\r\n"),
      {client(22, 1s).syn().build(), server(22, 1s).rst().build()},
  };
  for (const auto& packets : connections) {
    EXPECT_EQ(only_record_of(packets).application_name, name_without_replay(packets));
  }
}

TEST(ClassifierPool, AStateIsTakenFromTheFirstPayloadToTheVerdict) {
  FlowHarness flows({}, with_dpi(1));
  // TCP packets without payload take no nDPI state, so these ten flows do not fill the pool of one state.
  for (std::uint16_t port = 1000; port < 1010; ++port) flows.add(client(port, 1s).syn().build());
  EXPECT_EQ(flows.counter(Counter::kDpiPoolFull), 0U);
  // Each verdict frees the state, so one state is enough for ten flows, one after the other.
  for (int host = 1; host <= 10; ++host) {
    flows.add(PacketBuilder().ipv4("10.1.0." + std::to_string(host), "10.2.0.1").icmp(8, 0).payload(56).at(1s).build());
  }
  EXPECT_EQ(flows.counter(Counter::kDpiClassified), 10U);
  EXPECT_EQ(flows.counter(Counter::kDpiPoolFull), 0U);
}

TEST(ClassifierPool, WhenItIsFullTheOldestFlowIsGivenUpAndCounted) {
  const std::string unknown = "\x01\x02\x03\x04\x05\x06\x07\x08";
  FlowHarness flows({}, with_dpi(2));
  flows.add(udp(1, 40002, unknown));
  flows.add(udp(2, 40002, unknown));
  EXPECT_EQ(flows.counter(Counter::kDpiPoolFull), 0U);
  flows.add(udp(3, 40002, unknown));
  EXPECT_EQ(flows.counter(Counter::kDpiPoolFull), 1U);
  EXPECT_EQ(flows.counter(Counter::kDpiGivenUp), 1U);
  // The first flow was given up, and the third flow has taken over its state. The second flow still has its own state.
  // The next packet is of the first flow, so it needs no state.
  flows.add(udp(1, 40002, dns_query("www.example.test")));
  EXPECT_EQ(flows.counter(Counter::kDpiPoolFull), 1U);
  EXPECT_EQ(flows.finish().size(), 3U);
  EXPECT_EQ(flows.counter(Counter::kDpiGivenUp), 3U);
}

TEST(ClassifierPool, AnEndedFlowGivesItsStateBack) {
  const std::string unknown = "\x01\x02\x03\x04\x05\x06\x07\x08";
  FlowHarness flows({}, with_dpi(1));
  flows.add(udp(1, 40002, unknown, 1s));
  flows.sweep(1000s);
  flows.add(udp(2, 40002, unknown, 1001s));
  EXPECT_EQ(flows.counter(Counter::kDpiPoolFull), 0U);
}

TestPacket unknown(std::uint16_t port, int number) {
  return udp(port, 40002, "\x01\x02\x03\x04\x05\x06\x07\x08", 1s + std::chrono::milliseconds{number});
}

// Returns the number of payload packets after which a flow is given up.
int packets_until_given_up(const Config& config) {
  FlowHarness flows(config, with_dpi());
  int packets = 0;
  while (flows.counter(Counter::kDpiGivenUp) == 0 && packets < 100) {
    flows.add(unknown(1, packets));
    ++packets;
  }
  return packets;
}

TEST(ClassifierBudget, AFlowIsGivenUpAfterItsPackets) {
  for (const std::uint64_t budget : {1U, 3U, 8U}) {
    Config config;
    config.dpi.max_packets_udp = budget;
    EXPECT_EQ(packets_until_given_up(config), static_cast<int>(budget));
  }
}

// Repeated octets count for the budget, so the flow does not keep its nDPI state for as long as it repeats them.
TEST(ClassifierBudget, AFlowThatOnlyRepeatsIsGivenUp) {
  Config config;
  config.dpi.max_packets = 8;
  FlowHarness flows(config, with_dpi());
  const TestPacket data = client(7000, 1s).ack().seq(101).payload("no protocol that anybody knows").build();
  flows.add(client(7000, 1s).syn().seq(100).build());
  for (int i = 0; i < 6; ++i) flows.add(data);
  EXPECT_EQ(flows.counter(Counter::kDpiGivenUp), 0U);
  flows.add(data);
  EXPECT_EQ(flows.counter(Counter::kDpiGivenUp), 1U);
  EXPECT_EQ(flows.counter(Counter::kDpiCalls), 1U);
}

// While the worker is behind, nDPI sees at most 6 payload packets of a flow instead of 24.
TEST(ClassifierBudget, IsLowerWhileTheWorkerIsBehind) {
  FlowHarness flows({}, with_dpi());
  flows.fall_behind(2);
  for (int i = 0; i < 5; ++i) flows.add(unknown(1, i));
  EXPECT_EQ(flows.counter(Counter::kDpiGivenUp), 0U);
  flows.add(unknown(1, 5));
  EXPECT_EQ(flows.counter(Counter::kDpiGivenUp), 1U);
  flows.add(udp(2, 53, dns_query("www.example.com")));
  flows.fall_behind(0);
  for (int i = 0; i < 24; ++i) flows.add(unknown(3, i));
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 3U);
  for (const FlowRecord& record : records) EXPECT_EQ(record.overload, record.src_port == 1 ? kShedDpi : 0);
  EXPECT_EQ(flows.counter(Counter::kOverloadDpiLowered), 1U);
}

TEST(ClassifierFiles, RulesOfTheUsersOwnName) {
  const TemporaryFolder folder;
  Config config;
  config.dpi.protocols_file = folder.write("protos.txt", "udp:40002@Telemetry\n");
  EXPECT_EQ(only_record_of({udp(40001, 40002, "\x01\x02\x03\x04\x05\x06\x07\x08")}, config).application_name,
            "Telemetry");
}

TEST(ClassifierFiles, RulesNameWhatNeverCarriesPayloadToo) {
  const TemporaryFolder folder;
  Config config;
  config.dpi.protocols_file = folder.write("protos.txt", "tcp:40002@Telemetry\n");
  EXPECT_EQ(only_record_of({client(40002, 1s).syn().build()}, config).application_name, "Telemetry");
}

TEST(ClassifierFiles, AFileThatIsMissingIsNamed) {
  Config config;
  config.dpi.protocols_file = "/nonexistent/protos.txt";
  try {
    FlowHarness flows(config, with_dpi());
    ADD_FAILURE() << "no error";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(),
                 "dpi.protocols_file: /nonexistent/protos.txt: cannot be read: No such file or directory");
  }
}

TEST(Classifier, WithoutItRecordsHaveNoApplication) {
  FlowHarness flows;
  flows.add(udp(1, 53, dns_query("www.example.test")));
  const auto records = flows.finish();
  EXPECT_FALSE(records.at(0).has_application);
  EXPECT_EQ(records.at(0).application_name, "");
}

}  // namespace
}  // namespace spanflow::testing::classifier_test

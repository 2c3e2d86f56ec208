// Reads the hellos of QUIC in packets that this test protects itself, and compares keys with those in the RFCs.
#include "inspect/quic.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/hex.h"
#include "support/names_of_flow.h"
#include "support/quic_packets.h"
#include "support/tls_octets.h"

namespace spanflow::testing::quic_test {
namespace {

struct HexKeys {
  std::string key, iv, header_key;
  bool operator==(const HexKeys&) const = default;
};

HexKeys hex_keys(std::uint32_t version, bool of_client) {
  const std::string connection_id = "\x83\x94\xc8\xf0\x3e\x51\x57\x08";  // of both RFCs
  const QuicKeys keys = quic_keys(*quic_version(version), cursor_of(connection_id), of_client);
  return {std::string(hex_of(keys.key).view()), std::string(hex_of(keys.iv).view()),
          std::string(hex_of(keys.header_key).view())};
}

// RFC 9001, appendix A.1.
TEST(QuicKeys, OfVersion1AreThoseOfTheRfc) {
  EXPECT_EQ(hex_keys(1, true), (HexKeys{"1f369613dd76d5467730efcbe3b1a22d", "fa044b2f42a3fd3b46fb255c",
                                        "9f50449e04a0e810283a1e9933adedd2"}));
  EXPECT_EQ(hex_keys(1, false), (HexKeys{"cf3a5331653c364c88f0f379b6067e37", "0ac1493ca1905853b0bba03e",
                                         "c206b8d9b9f0f37644430b490eeaa314"}));
}

// RFC 9369, appendix A.1.
TEST(QuicKeys, OfVersion2AreThoseOfTheRfc) {
  EXPECT_EQ(hex_keys(0x6b3343cf, true), (HexKeys{"8b1a0bc121284290a29e0971b5cd045d", "91f73e2351d8fa91660e909f",
                                                 "45b95e15235d6f45a6b19cbcb0294ba9"}));
  EXPECT_EQ(hex_keys(0x6b3343cf, false), (HexKeys{"82db637861d55e1d011f19ea71d5d2a7", "dd13c276499c0249d3310652",
                                                  "edf6d05c83121201b436e16877593c3a"}));
}

std::string client_hello(std::size_t padding = 0) {
  std::string extensions = server_name_extension("quic.example.org") + extension(16, sized16(sized8("h3"))) +
                           extension(43, sized8(be16(0x0304)));
  if (padding > 0) extensions += extension(57, std::string(padding, 'p'));
  return HelloParts{.session_id = "", .extensions = extensions}.message();
}

std::string server_hello() {
  return handshake_message(2, be16(0x0303) + std::string(32, 'R') + sized8("") + be16(0x1301) + be8(0) +
                                  sized16(extension(43, be16(0x0304))));
}

std::string name(const FlowMetadata& metadata) { return std::string(metadata.text(Metadata::kTlsServerName)); }

TEST(Quic, IsReadInEveryVersion) {
  for (const auto& [number, version] : {std::pair{0x00000001U, "v1"},
                                        {0x6b3343cfU, "v2"},
                                        {0xff00001dU, "draft-29"},
                                        {0xff020000U, "v2-draft-00"},
                                        {0xff00001bU, "draft-27"}}) {
    const InitialParts parts{.version = quic_version(number)};
    const FlowMetadata found =
        NamedFlow().client_datagram(initial_packet(parts, crypto_frame(0, client_hello()))).end();
    EXPECT_EQ(found.text(Metadata::kQuicVersion), version);
    EXPECT_EQ(name(found), "quic.example.org");
    EXPECT_EQ(found.text(Metadata::kJa4).substr(0, 10), "q13d0203h3");
    EXPECT_THAT(list_of(found, Metadata::kTlsAlpn), ::testing::ElementsAre("h3"));
  }
}

TEST(Quic, FramesMayComeInAnyOrderWithOthersBetween) {
  const std::string hello = client_hello();
  const std::string ack = be8(2) + varint(9) + varint(0) + varint(1) + varint(3) + varint(0) + varint(2);
  std::vector<std::size_t> order = {0, 1, 2, 3};
  const std::size_t part = hello.size() / 4 + 1;
  do {
    std::string frames;
    for (const std::size_t i : order) {
      frames += be8(1) + std::string(3, '\0') + crypto_frame(i * part, hello.substr(i * part, part)) + ack;
    }
    EXPECT_EQ(name(NamedFlow().client_datagram(initial_packet({}, frames)).end()), "quic.example.org");
  } while (std::next_permutation(order.begin(), order.end()));
}

// Chrome cuts its hello into many frames and shuffles them.
TEST(Quic, ManySmallFramesAreJoinedOverTwoDatagrams) {
  const std::string hello = client_hello(1200);
  std::vector<std::string> frames;
  for (std::size_t at = 0; at < hello.size(); at += 60) frames.push_back(crypto_frame(at, hello.substr(at, 60)));
  std::rotate(frames.begin(), frames.begin() + 7, frames.end());
  std::reverse(frames.begin() + 2, frames.end() - 3);
  std::string first, second;
  for (std::size_t i = 0; i < frames.size(); ++i) (i % 2 == 0 ? first : second) += frames[i];
  NamedFlow flow;
  flow.client_datagram(initial_packet({}, first)).client_datagram(initial_packet({.number = 1}, second));
  EXPECT_EQ(name(flow.end()), "quic.example.org");
}

TEST(Quic, PacketsMayShareADatagram) {
  const QuicVersion& version = *quic_version(1);
  const std::string zero_rtt = long_header(version, 1, "original", "sender") + varint(50) + std::string(50, 'z');
  const std::string hello = client_hello(600);
  const std::string datagram = zero_rtt + initial_packet({}, crypto_frame(300, hello.substr(300))) +
                               initial_packet({.number = 1}, crypto_frame(0, hello.substr(0, 300)));
  EXPECT_EQ(name(NamedFlow().client_datagram(datagram).end()), "quic.example.org");
}

TEST(Quic, TheServersHelloIsRead) {
  const FlowMetadata found =
      NamedFlow()
          .client_datagram(initial_packet({}, crypto_frame(0, client_hello())))
          .server_datagram(initial_packet({.from_client = false, .receiver = "sender", .sender = "server"},
                                          crypto_frame(0, server_hello())))
          .end();
  EXPECT_EQ(found.text(Metadata::kTlsVersion), "TLSv1.3");
  EXPECT_EQ(found.text(Metadata::kTlsCipher), "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(found.number(Metadata::kTlsResumed), 0U);
}

// The client takes the server's connection id, and keeps its keys.
TEST(Quic, TheHelloGoesOnUnderAnotherConnectionId) {
  const std::string hello = client_hello(600);
  NamedFlow flow;
  flow.client_datagram(initial_packet({}, crypto_frame(0, hello.substr(0, 300))));
  flow.server_datagram(initial_packet({.from_client = false, .receiver = "sender", .sender = "server"}, be8(1)));
  flow.client_datagram(initial_packet({.receiver = "server", .number = 1}, crypto_frame(300, hello.substr(300))));
  EXPECT_EQ(name(flow.end()), "quic.example.org");
}

TEST(Quic, AfterRetryBothSidesHaveNewKeys) {
  const QuicVersion& version = *quic_version(1);
  const std::string hello = client_hello(600);
  NamedFlow flow;
  flow.client_datagram(initial_packet({}, crypto_frame(0, hello.substr(0, 300))));
  flow.server_datagram(long_header(version, 3, "sender", "retried") + "token" + std::string(16, 'i'));
  const InitialParts again{.original = "retried", .receiver = "retried", .token = "token", .number = 1};
  flow.client_datagram(initial_packet(again, crypto_frame(300, hello.substr(300))));
  const InitialParts answer{.original = "retried", .from_client = false, .receiver = "sender", .sender = "server"};
  const FlowMetadata found = flow.server_datagram(initial_packet(answer, crypto_frame(0, server_hello()))).end();
  EXPECT_EQ(name(found), "quic.example.org");
  EXPECT_EQ(found.text(Metadata::kTlsVersion), "TLSv1.3");
}

TEST(Quic, AnotherVersionAfterNegotiationIsReadToo) {
  const InitialParts old{.version = quic_version(0xff00001d)};
  const std::string hello = client_hello(600);
  NamedFlow flow;
  flow.client_datagram(initial_packet(old, crypto_frame(0, hello.substr(0, 300))));
  flow.server_datagram(be8(0xc0) + be32(0) + sized8("sender") + sized8("original") + be32(1));
  flow.client_datagram(initial_packet({}, crypto_frame(0, hello)));
  EXPECT_EQ(name(flow.end()), "quic.example.org");
}

TEST(Quic, ADamagedOrForeignPacketTellsNothing) {
  std::string packet = initial_packet({}, crypto_frame(0, client_hello()));
  packet[packet.size() / 2] ^= 1;
  EXPECT_EQ(NamedFlow().client_datagram(packet).end().octets, "");
  EXPECT_EQ(NamedFlow().client_datagram(initial_packet({.original = "other"}, be8(1))).end().octets, "");
  for (std::size_t octets = 0; octets < packet.size(); octets += 7) {
    EXPECT_EQ(NamedFlow().client_datagram(packet.substr(0, octets)).end().octets, "");
  }
}

}  // namespace
}  // namespace spanflow::testing::quic_test

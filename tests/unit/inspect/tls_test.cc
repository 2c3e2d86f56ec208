// Reads TLS in the packets of flows: hellos over segments in any order and behind other protocols, and what the server
// answers.
#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/decoding.h"
#include "support/names_of_flow.h"
#include "support/recorded_packets.h"
#include "support/tls_octets.h"

namespace spanflow::testing::tls_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string hello_octets(const std::string& name, std::size_t padding = 0) {
  std::string extensions = server_name_extension(name) + extension(16, sized16(sized8("h2") + sized8("http/1.1"))) +
                           extension(43, sized8(be16(0x0304) + be16(0x0303)));
  if (padding > 0) extensions += extension(51, std::string(padding, 'k'));
  return tls_records(HelloParts{.extensions = extensions}.message());
}

std::string server_hello(std::size_t version, const std::string& extensions, const std::string& random = {}) {
  const std::string body = be16(version) + (random.empty() ? std::string(32, 'R') : random) + sized8("session") +
                           be16(0xc02f) + be8(0) + (extensions.empty() ? "" : sized16(extensions));
  return handshake_message(2, body);
}

std::string change_cipher_spec() { return be8(20) + be16(0x0303) + sized16(be8(1)); }

std::string server_name(const FlowMetadata& metadata) { return std::string(metadata.text(Metadata::kTlsServerName)); }

TEST(TlsClient, IsReadInOnePacket) {
  const FlowMetadata found = NamedFlow().handshake().client(hello_octets("www.example.org")).end();
  EXPECT_EQ(server_name(found), "www.example.org");
  EXPECT_THAT(list_of(found, Metadata::kTlsAlpn), ElementsAre("h2", "http/1.1"));
  EXPECT_THAT(list_of(found, Metadata::kTlsVersions), ElementsAre("TLSv1.3", "TLSv1.2"));
  EXPECT_EQ(found.text(Metadata::kJa4).substr(0, 10), "t13d0203h2");
  EXPECT_EQ(found.number(Metadata::kTlsEch), std::nullopt);
}

TEST(TlsClient, TheSecondHelloAfterARetryChangesNothing) {
  NamedFlow flow;
  flow.handshake().client(hello_octets("first.example.org")).client(hello_octets("second.example.org"));
  EXPECT_EQ(server_name(flow.end()), "first.example.org");
}

TEST(TlsClient, IsReadOverSegmentsInAnyOrder) {
  const std::string hello = hello_octets("long.example.org", 3000);
  std::vector<std::uint32_t> order = {0, 1, 2};
  do {
    NamedFlow flow;
    flow.handshake();
    for (const std::uint32_t i : order) flow.client_at(i * 1100, hello.substr(i * 1100, 1100));
    EXPECT_EQ(server_name(flow.end()), "long.example.org");
    EXPECT_EQ(flow.counter(Counter::kInspectGivenUp), 0U);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(TlsClient, IsReadFromASegmentPerOctet) {
  const std::string hello = hello_octets("x.example.org");
  NamedFlow flow;
  flow.handshake();
  for (const char octet : hello.substr(0, 40)) flow.client(std::string(1, octet));
  flow.client(hello.substr(40));
  EXPECT_EQ(server_name(flow.end()), "x.example.org");
}

TEST(TlsClient, RepeatedAndOverlappingSegmentsDoNotHarm) {
  const std::string hello = hello_octets("long.example.org", 2000);
  NamedFlow flow;
  flow.handshake().client_at(0, hello.substr(0, 1000)).client_at(0, hello.substr(0, 1000));
  flow.client_at(1500, hello.substr(1500)).client_at(900, hello.substr(900, 700));
  EXPECT_EQ(server_name(flow.end()), "long.example.org");
}

TEST(TlsClient, WithoutASynBeginsWithTheFirstPayload) {
  EXPECT_EQ(server_name(NamedFlow().client(hello_octets("midway.example.org")).end()), "midway.example.org");
}

TEST(TlsClient, ThatIsNeverCompleteIsGivenUpAndCounted) {
  NamedFlow flow;
  flow.handshake().client_at(1, std::string(100, 'x'));
  for (std::uint32_t i = 1; i < 70; ++i) flow.client_at(100 + 2 * i, "x");
  EXPECT_EQ(server_name(flow.end()), "");
  EXPECT_EQ(flow.counter(Counter::kInspectGivenUp), 1U);
}

// A sender that repeats a part of a message for ever must not cost a reading each time.
TEST(TlsClient, ThatOnlyRepeatsItsBeginningIsGivenUpAndCounted) {
  NamedFlow flow;
  flow.handshake();
  for (int i = 0; i < 70; ++i) flow.client_at(0, hello_octets("x.example.org").substr(0, 20));
  EXPECT_EQ(flow.counter(Counter::kInspectGivenUp), 1U);
}

// --- Behind other protocols ---

struct Before {
  std::string name;
  std::vector<std::string> client;  // alternating messages, the client's first
  std::vector<std::string> server;
};

std::vector<Before> protocols_before_tls() {
  using namespace std::string_literals;
  return {
      {"Smtp", {"EHLO c.example.org\r\n", "STARTTLS\r\n"}, {"220 mail\r\n250-mail\r\n250 STARTTLS\r\n", "220 go\r\n"}},
      {"Imap",
       {"a1 CAPABILITY\r\n", "a2 STARTTLS\r\n"},
       {"* OK ready\r\n* CAPABILITY IMAP4\r\na1 OK\r\n", "a2 OK\r\n"}},
      {"Pop3", {"CAPA\r\n", "STLS\r\n"}, {"+OK ready\r\n+OK\r\nSTLS\r\n.\r\n", "+OK begin\r\n"}},
      {"Ftp", {"AUTH TLS\r\n"}, {"220 ready\r\n234 proceed\r\n"}},
      {"Xmpp",
       {"<?xml version='1.0'?><stream:stream to='example.org'>", "<starttls xmlns='x'/>"},
       {"<?xml version='1.0'?><stream:stream from='example.org'>", "<proceed xmlns='x'/>"}},
      {"Ldap",
       {"\x30\x1d\x02\x01\x01\x77\x18\x80\x16"s + "1.3.6.1.4.1.1466.20037"},
       {"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"s}},
      {"Postgresql", {"\0\0\0\x08\x04\xd2\x16\x2f"s}, {"S"}},
      {"PostgresqlWithGssapi", {"\0\0\0\x08\x04\xd2\x16\x30"s, "\0\0\0\x08\x04\xd2\x16\x2f"s}, {"N", "S"}},
      {"Mysql",
       {"\x20\0\0\x01\x05\xae\x03\0"s + std::string(28, '\0')},
       {"\x4b\0\0\0\x0a"s + "8.0.33" + std::string(68, '\0')}},
      {"Rdp",
       {"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x03\0\0\0"s},
       {"\x03\0\0\x13\x0e\xd0\0\0\x12\x34\0\x02\0\x08\0\x02\0\0\0"s}},
      {"Socks4", {"\x04\x01\x01\xbb\x5d\xb8\xd8\x22user\0"s}, {"\0\x5a\0\0\0\0\0\0"s}},
      {"Socks4a", {"\x04\x01\x01\xbb\0\0\0\x01\0example.org\0"s}, {"\0\x5a\0\0\0\0\0\0"s}},
      {"Socks5",
       {"\x05\x01\0"s,
        "\x05\x01\0\x03\x0b"
        "example.org\x01\xbb"s},
       {"\x05\0"s, "\x05\0\0\x01\x7f\0\0\x01\x01\xbb"s}},
      {"Socks5WithPassword",
       {"\x05\x02\0\x02"s, "\x01\x04user\x04pass"s, "\x05\x01\0\x01\x5d\xb8\xd8\x22\x01\xbb"s},
       {"\x05\x02"s, "\x01\0"s, "\x05\0\0\x01\x7f\0\0\x01\x01\xbb"s}},
      {"Connect", {"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n"}, {"HTTP/1.1 200 OK\r\n\r\n"}},
      {"Proxy1", {"PROXY TCP4 192.0.2.1 192.0.2.2 4000 443\r\n"}, {}},
      {"Proxy2", {"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"s + std::string(12, 'a')}, {}},
  };
}

class TlsBehind : public ::testing::TestWithParam<Before> {};

TEST_P(TlsBehind, BothHellosAreRead) {
  const std::string answer = tls_records(server_hello(0x0303, extension(43, be16(0x0304))));
  NamedFlow flow(8000);
  flow.handshake();
  for (std::size_t i = 0; i < std::max(GetParam().client.size(), GetParam().server.size()); ++i) {
    if (i < GetParam().client.size()) flow.client(GetParam().client[i]);
    if (i < GetParam().server.size()) flow.server(GetParam().server[i]);
  }
  const FlowMetadata found = flow.client(hello_octets("behind.example.org")).server(answer).end();
  EXPECT_EQ(server_name(found), "behind.example.org");
  EXPECT_EQ(found.text(Metadata::kTlsVersion), "TLSv1.3");
  EXPECT_EQ(flow.counter(Counter::kInspectGivenUp), 0U);
}

// The segments of all messages of the client come in the wrong order: the last one first.
TEST_P(TlsBehind, TheClientsHelloIsReadInAnyOrder) {
  std::string stream;
  for (const std::string& message : GetParam().client) stream += message;
  stream += hello_octets("behind.example.org");
  NamedFlow flow(8000);
  flow.handshake();
  const auto middle = static_cast<std::uint32_t>(stream.size() - 60);
  flow.client_at(middle, stream.substr(middle)).client_at(0, stream.substr(0, middle));
  EXPECT_EQ(server_name(flow.end()), "behind.example.org");
}

INSTANTIATE_TEST_SUITE_P(Protocols, TlsBehind, ::testing::ValuesIn(protocols_before_tls()),
                         [](const auto& tested) { return tested.param.name; });

TEST(TlsBehindText, IsNotLookedForForever) {
  NamedFlow flow(25);
  flow.handshake();
  for (int i = 0; i < 20; ++i) flow.client(std::string(1000, 'a'));
  EXPECT_EQ(server_name(flow.client(hello_octets("late.example.org")).end()), "");
}

// --- The server ---

TEST(TlsServer, Of13TellsVersionAndCipher) {
  const FlowMetadata found =
      NamedFlow().handshake().server(tls_records(server_hello(0x0303, extension(43, be16(0x0304))))).end();
  EXPECT_EQ(found.text(Metadata::kTlsVersion), "TLSv1.3");
  EXPECT_EQ(found.text(Metadata::kTlsCipher), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
  EXPECT_EQ(found.number(Metadata::kTlsResumed), 0U);
  EXPECT_EQ(found.text(Metadata::kJa3Server).size(), 32U);
}

TEST(TlsServer, Of13IsResumedIfItAcceptsAKey) {
  const std::string extensions = extension(43, be16(0x0304)) + extension(41, be16(0));
  EXPECT_EQ(NamedFlow().server(tls_records(server_hello(0x0303, extensions))).end().number(Metadata::kTlsResumed), 1U);
}

TEST(TlsServer, Of12IsResumedIfItChangesTheCipherAtOnce) {
  const std::string ticket = tls_records(handshake_message(4, std::string(100, 't')));
  for (const std::string& between : {std::string(), ticket}) {
    NamedFlow flow;
    flow.server(tls_records(server_hello(0x0303, extension(16, sized16(sized8("h2"))))))
        .server(between + change_cipher_spec());
    const FlowMetadata found = flow.end();
    EXPECT_EQ(found.text(Metadata::kTlsVersion), "TLSv1.2");
    EXPECT_EQ(found.text(Metadata::kTlsAlpnChosen), "h2");
    EXPECT_EQ(found.number(Metadata::kTlsResumed), 1U);
  }
}

TEST(TlsServer, AfterARetrySaysWhetherTheSessionIsResumed) {
  const std::string retry_random =
      "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91"
      "\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c";
  const std::string retry =
      tls_records(server_hello(0x0303, extension(43, be16(0x0304)) + extension(0xfe0d, "accepted"), retry_random));
  const std::string real = tls_records(server_hello(0x0303, extension(43, be16(0x0304)) + extension(41, be16(0))));
  const FlowMetadata found = NamedFlow().server(retry + change_cipher_spec()).server(real).end();
  EXPECT_EQ(found.number(Metadata::kTlsResumed), 1U);
  EXPECT_EQ(found.number(Metadata::kTlsEch), kEchAccepted);
}

TEST(TlsServer, MayWarnBeforeItsHello) {
  const std::string warning = be8(21) + be16(0x0301) + sized16(be8(1) + be8(112));
  const std::string hello = tls_records(server_hello(0x0303, ""));
  for (const std::size_t cut : {std::size_t{3}, warning.size(), warning.size() + 20}) {
    const std::string all = warning + hello;
    EXPECT_EQ(NamedFlow().server(all.substr(0, cut)).server(all.substr(cut)).end().text(Metadata::kTlsVersion),
              "TLSv1.2");
  }
}

// The certificate is that of the recorded server, which is in records of several TCP segments.
TEST(TlsServer, Of12ShowsItsCertificate) {
  FlowHarness flows({}, {.names = true});
  for (const TestPacket& packet : recorded_packets("tls12_instagram.pcap")) {
    if (decode(packet).outcome == Counter::kPacketsMetered) flows.add(packet);
  }
  const auto records = flows.finish();
  ASSERT_FALSE(records.empty());
  const FlowMetadata& found = records[0].extras->metadata;
  EXPECT_EQ(found.text(Metadata::kTlsVersion), "TLSv1.2");
  EXPECT_NE(found.text(Metadata::kTlsSubject), "");
  EXPECT_NE(found.text(Metadata::kTlsIssuer), "");
  EXPECT_EQ(found.text(Metadata::kTlsSha256).size(), 64U);
  EXPECT_NE(found.text(Metadata::kTlsSerial), "");
  EXPECT_LT(*found.number(Metadata::kTlsNotBefore), *found.number(Metadata::kTlsNotAfter));
  EXPECT_EQ(found.number(Metadata::kTlsResumed), 0U);
}

TEST(TlsEch, OfAHelloIsNotedWithItsConfiguration) {
  const std::string outer = be8(0) + be16(1) + be16(1) + be8(77) + sized16("key") + sized16("payload");
  const FlowMetadata found =
      NamedFlow()
          .client(tls_records(
              HelloParts{.extensions = server_name_extension("outer.example.org") + extension(0xfe0d, outer)}
                  .message()))
          .end();
  EXPECT_EQ(found.number(Metadata::kTlsEch), kEchOffered);
  EXPECT_EQ(found.number(Metadata::kTlsEchConfigId), 77U);
}

TEST(EncryptedDns, IsToldByAlpnPortAndName) {
  const auto protocol = [](std::uint16_t port, const std::string& name, const std::string& alpn) {
    const std::string extensions = server_name_extension(name) + extension(16, sized16(sized8(alpn)));
    NamedFlow flow(port);
    flow.handshake().client(tls_records(HelloParts{.extensions = extensions}.message()));
    return std::string(flow.end().text(Metadata::kDnsProtocol));
  };
  EXPECT_EQ(protocol(853, "resolver.example.org", "h2"), "dot");
  EXPECT_EQ(protocol(443, "resolver.example.org", "dot"), "dot");
  EXPECT_EQ(protocol(443, "dns.google", "h2"), "doh");
  EXPECT_EQ(protocol(443, "notdns.google", "h2"), "");
  EXPECT_EQ(protocol(443, "www.example.org", "h2"), "");
}

// --- Bounds ---

TEST(Readers, ThatAreLeftOutFindNothing) {
  Config config;
  config.inspect = ReaderSet::none();
  config.inspect.add(PayloadReader::kHttp);
  EXPECT_EQ(server_name(NamedFlow(443, config).handshake().client(hello_octets("www.example.org")).end()), "");
}

TEST(Readers, KeepNothingBeyondTheirMemory) {
  Config config;
  config.features.names_memory = 256;
  NamedFlow flow(443, config);
  flow.handshake().client(hello_octets(std::string(300, 'n')));
  EXPECT_EQ(flow.end().octets, "");
  EXPECT_EQ(flow.counter(Counter::kInspectMemoryFull), 1U);
}

// Each flow needs a session for the rest of its hello. The pool has 8191.
TEST(Readers, WithAllSessionsLentTakeBackTheOldest) {
  FlowHarness flows({.flow = {.capacity = 20'000}}, {.names = true});
  const std::string hello = hello_octets("pool.example.org", 1000);
  const auto packet = [](std::uint16_t port, std::uint32_t sequence, const std::string& payload) {
    return PacketBuilder()
        .ethernet()
        .ipv4("10.0.0.1", "10.0.0.2")
        .tcp(port, 443)
        .ack()
        .seq(sequence)
        .payload(payload)
        .at(std::chrono::seconds(1))
        .build();
  };
  constexpr std::uint16_t kFlows = InspectionState::kMostSessions + 1;
  for (std::uint16_t port = 1; port <= kFlows; ++port) flows.add(packet(port, 1, "EHLO x\r\n"));
  EXPECT_EQ(flows.counter(Counter::kInspectPoolFull), 1U);
  for (std::uint16_t port = 1; port <= 2; ++port) flows.add(packet(port, 9, hello));
  for (const FlowRecord& record : flows.finish()) {
    const bool has_name = record.extras && !record.extras->metadata.text(Metadata::kTlsServerName).empty();
    EXPECT_EQ(has_name, record.src_port == 2) << record.src_port;
  }
}

}  // namespace
}  // namespace spanflow::testing::tls_test

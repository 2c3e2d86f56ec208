// Reads DNS in the datagrams and segments of flows.
#include "inspect/dns.h"

#include <gmock/gmock.h>

#include <string>

#include "support/names_of_flow.h"
#include "support/tls_octets.h"

namespace spanflow::testing::dns_test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using ::testing::ElementsAre;

// A name as in a message: "www.example.org".
std::string dns_name(const std::string& name) {
  std::string octets;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t end = std::min(name.find('.', at), name.size());
    octets += sized8(name.substr(at, end - at));
    at = end + 1;
  }
  return octets + be8(0);
}

std::string question(const std::string& name, std::size_t type) { return dns_name(name) + be16(type) + be16(1); }

std::string record(std::size_t type, std::size_t ttl, const std::string& data) {
  return "\xc0\x0c"s + be16(type) + be16(1) + be16(0) + be16(ttl) + sized16(data);  // of the name in the question
}

std::string query(std::size_t id, const std::string& name, std::size_t type) {
  return be16(id) + be16(0x0100) + be16(1) + be16(0) + be16(0) + be16(0) + question(name, type);
}

std::string reply(std::size_t id, const std::string& name, std::size_t type, const std::vector<std::string>& records,
                  std::size_t flags = 0x8180) {
  std::string octets =
      be16(id) + be16(flags) + be16(1) + be16(records.size()) + be16(0) + be16(0) + question(name, type);
  for (const std::string& each : records) octets += each;
  return octets;
}

std::string text(const FlowMetadata& metadata, Metadata key) { return std::string(metadata.text(key)); }

TEST(Dns, AQueryAndItsReplyAreATransaction) {
  NamedFlow flow(53);
  flow.client_datagram(query(7, "www.example.org", 1)).wait(24ms);
  flow.server_datagram(
      reply(7, "www.example.org", 1, {record(1, 300, "\xc0\x00\x02\x01"s), record(1, 60, "\xc0\x00\x02\x02"s)}));
  const FlowMetadata found = flow.end();
  EXPECT_EQ(text(found, Metadata::kDnsProtocol), "dns");
  EXPECT_EQ(text(found, Metadata::kDnsQuery), "www.example.org");
  EXPECT_EQ(found.number(Metadata::kDnsQueryType), 1U);
  EXPECT_EQ(found.number(Metadata::kDnsReplyCode), 0U);
  EXPECT_EQ(found.number(Metadata::kDnsFlags), 0x8180U);
  EXPECT_EQ(text(found, Metadata::kDnsAnswer), "192.0.2.1");
  EXPECT_THAT(list_of(found, Metadata::kDnsAnswers), ElementsAre("A 192.0.2.1", "A 192.0.2.2"));
  EXPECT_EQ(found.number(Metadata::kDnsLeastTtl), 60U);
  EXPECT_EQ(found.number(Metadata::kDnsResponse), 25'000'000U);
  EXPECT_EQ(found.number(Metadata::kDnsTransactions), 1U);
  EXPECT_EQ(text(found, Metadata::kDnsFailedQuery), "");
  EXPECT_EQ(text(found, Metadata::kDnsOpen), "");
}

TEST(Dns, EveryKindOfAnswerIsShown) {
  NamedFlow flow(53);
  const std::string target = dns_name("t.example.org");
  const std::string https =
      be16(1) + be8(0) + be16(1) + sized16(sized8("h2") + sized8("h3")) + be16(5) + sized16("config");
  flow.server_datagram(
      reply(1, "example.org", 255,
            {record(28, 9, "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01"s), record(5, 9, target),
             record(15, 9, be16(10) + target), record(2, 9, target), record(12, 9, target),
             record(33, 9, be16(1) + be16(5) + be16(5060) + target), record(16, 9, sized8("v=spf1") + sized8("-all")),
             record(65, 9, https), record(64, 9, be16(0) + target), record(99, 9, "12345")}));
  EXPECT_THAT(list_of(flow.end(), Metadata::kDnsAnswers),
              ElementsAre("AAAA 2001:db8::1", "CNAME t.example.org", "MX 10 t.example.org", "NS t.example.org",
                          "PTR t.example.org", "SRV 1 5 5060 t.example.org", "TXT 10", "HTTPS 1 . alpn=h2,h3 ech",
                          "SVCB 0 t.example.org", "TYPE99 5"));
}

TEST(Dns, AnswersAreLimitedInNumber) {
  const std::vector<std::string> records(40, record(1, 9, "\xc0\x00\x02\x01"s));
  const FlowMetadata found = NamedFlow(53).server_datagram(reply(1, "example.org", 1, records)).end();
  EXPECT_EQ(list_of(found, Metadata::kDnsAnswers).size(), 32U);
}

// A resolver asks for two types at once, and the replies come in the other order.
TEST(Dns, RepliesBelongToTheirQueriesById) {
  NamedFlow flow(53);
  flow.client_datagram(query(1, "a.example.org", 1)).client_datagram(query(2, "a.example.org", 28));
  flow.server_datagram(reply(2, "a.example.org", 28, {}, 0x8183)).wait(10ms);
  flow.server_datagram(reply(1, "a.example.org", 1, {record(1, 9, "\xc0\x00\x02\x01"s)}));
  const FlowMetadata found = flow.end();
  EXPECT_EQ(found.number(Metadata::kDnsTransactions), 2U);
  EXPECT_EQ(found.number(Metadata::kDnsReplyCode), 0U);
  EXPECT_EQ(found.number(Metadata::kDnsResponse), 13'000'000U);
  EXPECT_EQ(text(found, Metadata::kDnsAnswer), "192.0.2.1");
  EXPECT_EQ(text(found, Metadata::kDnsFailedQuery), "a.example.org");
  EXPECT_EQ(found.number(Metadata::kDnsFailedCode), 3U);
}

TEST(Dns, OfManyTransactionsTheFirstAndTheLastThatFailedAreKept) {
  NamedFlow flow(53);
  for (std::size_t i = 0; i < 100; ++i) {
    const std::string name = "n" + std::to_string(i) + ".example.org";
    flow.client_datagram(query(i, name, 1)).server_datagram(reply(i, name, 1, {}, i % 10 == 5 ? 0x8182 : 0x8180));
  }
  const FlowMetadata found = flow.end();
  EXPECT_EQ(found.number(Metadata::kDnsTransactions), 100U);
  EXPECT_EQ(text(found, Metadata::kDnsQuery), "n0.example.org");
  EXPECT_EQ(found.number(Metadata::kDnsReplyCode), 0U);
  EXPECT_EQ(text(found, Metadata::kDnsFailedQuery), "n95.example.org");
  EXPECT_EQ(found.number(Metadata::kDnsFailedCode), 2U);
}

TEST(Dns, AQueryThatIsSentAgainCountsOnce) {
  NamedFlow flow(53);
  flow.client_datagram(query(7, "slow.example.org", 1))
      .wait(5s)
      .client_datagram(query(7, "slow.example.org", 1))
      .wait(9ms);
  const FlowMetadata found = flow.server_datagram(reply(7, "slow.example.org", 1, {})).end();
  EXPECT_EQ(found.number(Metadata::kDnsTransactions), 1U);
  EXPECT_EQ(found.number(Metadata::kDnsResponse), 10'000'000U);
}

TEST(Dns, ProtocolsAreToldByTheirPorts) {
  for (const auto& [port, protocol] : {std::pair{53, "dns"}, {5353, "mdns"}, {5355, "llmnr"}, {5300, "dns"}}) {
    NamedFlow flow(static_cast<std::uint16_t>(port));
    EXPECT_EQ(text(flow.client_datagram(query(1, "x.local", 1)).end(), Metadata::kDnsProtocol), protocol);
  }
}

TEST(Dns, OtherPayloadOnOtherPortsIsNotDns) {
  for (const std::string& payload : {std::string(40, '\0'), "GET / HTTP/1.1\r\n\r\n"s, query(1, "x.org", 1) + "more"}) {
    EXPECT_EQ(NamedFlow(4000).client_datagram(payload).end().text(Metadata::kDnsProtocol), "");
  }
}

TEST(Dns, OverTcpComesInAnySegments) {
  const std::string both = sized16(query(1, "a.example.org", 1)) + sized16(query(2, "b.example.org", 1));
  for (std::size_t cut = 1; cut < both.size(); ++cut) {
    NamedFlow flow(53);
    flow.handshake().client(both.substr(0, cut)).client(both.substr(cut));
    flow.server(sized16(reply(1, "a.example.org", 1, {record(1, 9, "\xc0\x00\x02\x01"s)})));
    const FlowMetadata found = flow.end();
    EXPECT_EQ(text(found, Metadata::kDnsQuery), "a.example.org") << cut;
    EXPECT_EQ(found.number(Metadata::kDnsTransactions), 2U) << cut;
    EXPECT_EQ(text(found, Metadata::kDnsAnswer), "192.0.2.1") << cut;
  }
}

TEST(Dns, AHeaderThatTheCaptureCutsStillHasItsFlags) {
  for (const std::size_t captured : {4, 5, 11}) {
    NamedFlow flow(53);
    flow.capture_at_most(captured).client_datagram(query(7, "www.example.org", 1));
    flow.server_datagram(reply(7, "www.example.org", 1, {}, 0x8183));
    const FlowMetadata found = flow.end();
    EXPECT_EQ(found.number(Metadata::kDnsFlags), 0x8183U) << captured;
    EXPECT_EQ(found.number(Metadata::kDnsReplyCode), 3U);
    EXPECT_EQ(found.number(Metadata::kDnsTransactions), 1U);
    EXPECT_EQ(text(found, Metadata::kDnsQuery), "");
  }
}

TEST(Dns, AHeaderWithoutItsFlagsIsNothing) {
  NamedFlow flow(53);
  flow.capture_at_most(3).client_datagram(query(7, "www.example.org", 1));
  EXPECT_EQ(text(flow.end(), Metadata::kDnsProtocol), "");
}

TEST(Dns, ADamagedMessageIsReadAsFarAsItGoes) {
  const std::string whole =
      reply(1, "a.example.org", 1, {record(1, 9, "\xc0\x00\x02\x01"s), record(5, 9, "\xc0\xff"s)});
  for (std::size_t octets = 0; octets < whole.size(); ++octets)
    NamedFlow(53).server_datagram(whole.substr(0, octets)).end();
  const std::string loop =
      be16(1) + be16(0x8180) + be16(1) + be16(0) + be16(0) + be16(0) + "\xc0\x0c"s + be16(1) + be16(1);
  EXPECT_EQ(text(NamedFlow(53).server_datagram(loop).end(), Metadata::kDnsQuery), "");
}

// --- Names of later flows ---

class DnsNames : public ::testing::Test {
 protected:
  void add(const PacketBuilder& builder, std::chrono::nanoseconds time) {
    flows_.add(PacketBuilder(builder).at(time).build());
  }
  void resolve(const std::string& name, std::chrono::seconds time, std::size_t ttl) {
    const std::string octets =
        reply(9, name, 1, {record(5, ttl, dns_name("alias.example.net")), record(1, ttl, "\x0a\x00\x00\x09"s)});
    add(PacketBuilder().ethernet().ipv4("10.0.0.53", "10.0.0.1").udp(53, 5000).payload(octets), time);
  }
  // Returns the dns_name of a flow to 10.0.0.9 that begins at this time.
  std::string name_of_flow(const std::string& from, std::chrono::seconds time, const std::string& payload = "") {
    add(PacketBuilder().ethernet().ipv4(from, "10.0.0.9").tcp(port_, 443).ack().payload(payload), time);
    for (const FlowRecord& record : flows_.finish()) {
      if (record.dst_port != 443) continue;
      return record.extras ? std::string(record.extras->metadata.text(Metadata::kDnsName)) : "";
    }
    return "no flow";
  }

  FlowHarness flows_{{}, {.names = true, .blocks = 2}};
  std::uint16_t port_ = 40'000;
};

TEST_F(DnsNames, GiveAFlowTheNameThatItsSrcAskedFor) {
  resolve("www.example.org", 100s, 60);
  EXPECT_EQ(name_of_flow("10.0.0.1", 101s), "www.example.org");
  EXPECT_EQ(flows_.counter(Counter::kNamesStored), 1U);
  EXPECT_EQ(flows_.counter(Counter::kNamesFound), 1U);
}

TEST_F(DnsNames, GiveAnotherClientNothing) {
  resolve("www.example.org", 100s, 60);
  EXPECT_EQ(name_of_flow("10.0.0.2", 101s), "");
  EXPECT_EQ(flows_.counter(Counter::kNamesLookedUp), 1U);
  EXPECT_EQ(flows_.counter(Counter::kNamesFound), 0U);
}

TEST_F(DnsNames, AreThoseAskedForLast) {
  resolve("old.example.org", 100s, 600);
  resolve("new.example.org", 101s, 600);
  EXPECT_EQ(name_of_flow("10.0.0.1", 102s), "new.example.org");
}

TEST_F(DnsNames, AgeByTheirTtl) {
  resolve("www.example.org", 100s, 60);
  EXPECT_EQ(name_of_flow("10.0.0.1", 161s), "");
}

TEST_F(DnsNames, AreNotNeededByAFlowWithAName) {
  resolve("www.example.org", 100s, 60);
  EXPECT_EQ(name_of_flow("10.0.0.1", 101s, "GET / HTTP/1.1\r\nHost: own.example.org\r\n\r\n"), "");
  EXPECT_EQ(flows_.counter(Counter::kNamesLookedUp), 0U);
}

}  // namespace
}  // namespace spanflow::testing::dns_test

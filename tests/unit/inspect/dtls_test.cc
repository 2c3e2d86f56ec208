// Reads DTLS in the datagrams of flows.
#include "inspect/dtls.h"

#include <gtest/gtest.h>

#include <string>

#include "support/names_of_flow.h"
#include "support/tls_octets.h"

namespace spanflow::testing::dtls_test {
namespace {

std::string record(std::uint8_t type, const std::string& content) {
  return be8(type) + be16(0xfefd) + be16(0) + std::string(6, '\0') + sized16(content);
}

// A part of a handshake message, in a record of its own.
std::string fragment(std::uint8_t type, std::size_t message, const std::string& body, std::size_t offset,
                     std::size_t octets) {
  const std::string part = body.substr(offset, octets);
  return record(22, be8(type) + be24(body.size()) + be16(message) + be24(offset) + be24(part.size()) + part);
}

std::string whole(std::uint8_t type, std::size_t message, const std::string& body) {
  return fragment(type, message, body, 0, body.size());
}

std::string client_hello(const std::string& cookie) {
  const std::string extensions = server_name_extension("dtls.example.org");
  return be16(0xfefd) + std::string(32, 'R') + sized8("") + sized8(cookie) + sized16(be16(0xc02b)) + sized8(be8(0)) +
         sized16(extensions);
}

std::string server_hello(const std::string& extensions = "") {
  return be16(0xfefd) + std::string(32, 'R') + sized8("") + be16(0xc02b) + be8(0) +
         (extensions.empty() ? "" : sized16(extensions));
}

std::string name(const FlowMetadata& metadata) { return std::string(metadata.text(Metadata::kTlsServerName)); }

TEST(Dtls, HelloIsReadBeforeTheCookie) {
  NamedFlow flow;
  flow.client_datagram(whole(1, 0, client_hello(""))).server_datagram(whole(3, 0, be16(0xfeff) + sized8("cookie")));
  const FlowMetadata found = flow.client_datagram(whole(1, 1, client_hello("cookie"))).end();
  EXPECT_EQ(name(found), "dtls.example.org");
  EXPECT_EQ(found.text(Metadata::kJa4).substr(0, 8), "dd2d0101");
}

TEST(Dtls, HelloIsReadIfOnlyTheOneWithTheCookieWasCaptured) {
  EXPECT_EQ(name(NamedFlow().client_datagram(whole(1, 1, client_hello("cookie"))).end()), "dtls.example.org");
}

TEST(Dtls, FragmentsAreJoinedInAnyOrder) {
  const std::string body = client_hello(std::string(100, 'c'));
  for (const auto& order : {std::vector{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}) {
    NamedFlow flow;
    for (const int i : order) flow.client_datagram(fragment(1, 1, body, static_cast<std::size_t>(i) * 70, 70));
    EXPECT_EQ(name(flow.end()), "dtls.example.org");
  }
}

TEST(Dtls, AHelloAfterStunIsRead) {
  const std::string stun = be16(1) + be16(0) + be16(0x2112) + be16(0xa442) + std::string(12, 't');
  EXPECT_EQ(name(NamedFlow().client_datagram(stun).client_datagram(whole(1, 0, client_hello(""))).end()),
            "dtls.example.org");
}

TEST(Dtls, OfCapwapIsReadBehindItsHeader) {
  const std::string header = be8(1) + be24(0);
  NamedFlow flow(5246);
  flow.client_datagram(be8(0) + std::string(20, 'd')).client_datagram(header + whole(1, 0, client_hello("")));
  EXPECT_EQ(name(flow.end()), "dtls.example.org");
}

TEST(Dtls, ServerTellsVersionAndResumption) {
  const std::string change = record(20, be8(1));
  FlowMetadata found = NamedFlow().server_datagram(whole(2, 1, server_hello()) + change).end();
  EXPECT_EQ(found.text(Metadata::kTlsVersion), "DTLSv1.2");
  EXPECT_EQ(found.number(Metadata::kTlsResumed), 1U);
  found = NamedFlow().server_datagram(whole(2, 1, server_hello()) + whole(14, 2, "")).end();
  EXPECT_EQ(found.number(Metadata::kTlsResumed), 0U);
  found = NamedFlow().server_datagram(whole(2, 1, server_hello(extension(43, be16(0xfefc))))).end();
  EXPECT_EQ(found.text(Metadata::kTlsVersion), "DTLSv1.3");
}

TEST(Dtls, WhatIsNotAHelloTellsNothing) {
  EXPECT_EQ(NamedFlow().client_datagram(record(23, "data")).end().octets, "");
  const std::string hello = whole(1, 0, client_hello(""));
  for (std::size_t octets = 0; octets < hello.size(); ++octets) {
    EXPECT_EQ(NamedFlow().client_datagram(hello.substr(0, octets)).end().octets, "");
  }
}

}  // namespace
}  // namespace spanflow::testing::dtls_test

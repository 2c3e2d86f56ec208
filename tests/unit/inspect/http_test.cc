// Reads HTTP/1 and HTTP/2 in the segments of flows.
#include <gtest/gtest.h>

#include <string>

#include "inspect/hpack.h"
#include "inspect/vectors.h"
#include "support/names_of_flow.h"
#include "support/tls_octets.h"

namespace spanflow::testing::http_test {
namespace {

using namespace std::string_literals;

std::string text(const FlowMetadata& metadata, Metadata key) { return std::string(metadata.text(key)); }

const std::string kGet = "GET /path?q=1 HTTP/1.1\r\nhost: www.example.org \r\nUser-Agent: agent/1\r\n\r\n";

TEST(Http1, ARequestAndItsResponseAreRead) {
  NamedFlow flow(8080);
  flow.handshake().client(kGet).server(
      "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello");
  const FlowMetadata found = flow.end();
  EXPECT_EQ(text(found, Metadata::kHttpMethod), "GET");
  EXPECT_EQ(text(found, Metadata::kHttpHost), "www.example.org");
  EXPECT_EQ(text(found, Metadata::kHttpUrl), "www.example.org/path?q=1");
  EXPECT_EQ(text(found, Metadata::kHttpVersion), "1.1");
  EXPECT_EQ(text(found, Metadata::kUserAgent), "agent/1");
  EXPECT_EQ(found.number(Metadata::kHttpStatus), 404U);
  EXPECT_EQ(text(found, Metadata::kContentType), "text/html");
  EXPECT_EQ(found.number(Metadata::kHttpRequests), 1U);
}

TEST(Http1, ARequestIsReadWhereverItIsCut) {
  for (std::size_t cut = 1; cut < kGet.size(); ++cut) {
    const FlowMetadata found = NamedFlow(80).handshake().client(kGet.substr(0, cut)).client(kGet.substr(cut)).end();
    EXPECT_EQ(text(found, Metadata::kHttpUrl), "www.example.org/path?q=1") << cut;
    EXPECT_EQ(found.number(Metadata::kHttpRequests), 1U) << cut;
  }
}

TEST(Http1, MayHaveNoHost) {
  const FlowMetadata found = NamedFlow(80).client("GET /path HTTP/1.0\r\n\r\n").end();
  EXPECT_EQ(text(found, Metadata::kHttpUrl), "/path");
  EXPECT_EQ(text(found, Metadata::kHttpHost), "");
  EXPECT_EQ(text(found, Metadata::kHttpVersion), "1.0");
}

TEST(Http1, TargetsOfProxiesAreKeptAsTheyAre) {
  EXPECT_EQ(
      text(NamedFlow(3128).client("GET http://a.org/x HTTP/1.1\r\nHost: a.org\r\n\r\n").end(), Metadata::kHttpUrl),
      "http://a.org/x");
  EXPECT_EQ(
      text(NamedFlow(3128).client("CONNECT a.org:443 HTTP/1.1\r\nHost: a.org:443\r\n\r\n").end(), Metadata::kHttpUrl),
      "a.org:443");
}

// The bodies have octets that look like requests.
TEST(Http1, RequestsAreCountedAndTheirBodiesPassedOver) {
  const std::string sized = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 41\r\n\r\n" + kGet.substr(0, 41);
  const std::string chunked = "POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n29;x=y\r\n" +
                              kGet.substr(0, 41) + "\r\n0\r\nTrailer: t\r\n\r\n";
  const std::string all = sized + kGet + chunked + "\r\n" + kGet;
  for (const std::size_t step : {std::size_t{7}, std::size_t{100}, all.size()}) {
    NamedFlow flow(80);
    flow.handshake();
    for (std::size_t at = 0; at < all.size(); at += step) flow.client(all.substr(at, step));
    EXPECT_EQ(flow.end().number(Metadata::kHttpRequests), 4U) << step;
  }
}

TEST(Http1, ALongBodyInManySegmentsNeedsNoBuffer) {
  NamedFlow flow(80);
  flow.handshake().client("PUT /big HTTP/1.1\r\nContent-Length: 100000\r\n\r\n");
  for (int i = 0; i < 100; ++i) flow.client(std::string(1000, 'b'));
  flow.client(kGet);
  EXPECT_EQ(flow.end().number(Metadata::kHttpRequests), 2U);
  EXPECT_EQ(flow.counter(Counter::kInspectGivenUp), 0U);
}

TEST(Http1, InterimResponsesAreNotTheAnswer) {
  NamedFlow flow(80);
  flow.server("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Type: a/b\r\n\r\n");
  EXPECT_EQ(flow.end().number(Metadata::kHttpStatus), 201U);
  EXPECT_EQ(NamedFlow(80).server("HTTP/1.1 101 Switching\r\n\r\n").end().number(Metadata::kHttpStatus), 101U);
}

TEST(Http1, AHeadThatIsTooLongIsReadAsFarAsItFits) {
  NamedFlow flow(80);
  flow.handshake().client("GET / HTTP/1.1\r\nHost: long.example.org\r\nCookie: ");
  for (int i = 0; i < 20; ++i) flow.client(std::string(1000, 'c'));
  EXPECT_EQ(text(flow.end(), Metadata::kHttpHost), "long.example.org");
}

TEST(Http1, OtherProtocolsWithSuchLinesAreNotHttp) {
  for (const std::string& line : {"OPTIONS rtsp://x RTSP/1.0\r\n\r\n"s, "SUBSCRIBE sip:x SIP/2.0\r\n\r\n"s,
                                  "GET key\r\n"s, "FETCH / HTTP/1.1\r\n\r\n"s, "get / HTTP/1.1\r\n\r\n"s}) {
    EXPECT_EQ(NamedFlow(80).client(line).end().octets, "") << line;
  }
}

TEST(Http1, OfSsdpIsReadInDatagrams) {
  NamedFlow flow(1900);
  flow.client_datagram("M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n");
  flow.client_datagram("M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n");
  const FlowMetadata found = flow.server_datagram("HTTP/1.1 200 OK\r\n\r\n").end();
  EXPECT_EQ(text(found, Metadata::kHttpMethod), "M-SEARCH");
  EXPECT_EQ(found.number(Metadata::kHttpRequests), 2U);
  EXPECT_EQ(found.number(Metadata::kHttpStatus), 200U);
}

// --- HTTP/2 ---

// RFC 7541, appendix C.4.1: a request with Huffman codes.
const std::string kBlock = "\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff";

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint8_t stream, const std::string& content) {
  return be24(content.size()) + be8(type) + be8(flags) + be24(0) + be8(stream) + content;
}

TEST(Hpack, ReadsTheExampleOfTheRfc) {
  std::string name, value, all;
  HpackReader fields(cursor_of(kBlock), name, value);
  while (const auto field = fields.next()) all += std::string(field->name) + "=" + std::string(field->value) + "\n";
  EXPECT_EQ(all, ":method=GET\n:scheme=http\n:path=/\n:authority=www.example.com\n");
}

// RFC 7541, appendix C.6.1: a response, whose last three fields have names of the static table.
TEST(Hpack, ReadsAResponseOfTheRfc) {
  const std::string block =
      "\x48\x82\x64\x02\x58\x85\xae\xc3\x77\x1a\x4b\x61\x96\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20\x05\x95\x04\x0b\x81"
      "\x66"
      "\xe0\x82\xa6\x2d\x1b\xff\x6e\x91\x9d\x29\xad\x17\x18\x63\xc7\x8f\x0b\x97\xc8\xe9\xae\x82\xae\x43\xd3"s;
  std::string name, value, all;
  HpackReader fields(cursor_of(block), name, value);
  while (const auto field = fields.next()) all += std::string(field->name) + "=" + std::string(field->value) + "\n";
  EXPECT_EQ(all,
            ":status=302\ncache-control=private\ndate=Mon, 21 Oct 2013 20:13:21 GMT\n"
            "location=https://www.example.com\n");
}

TEST(Hpack, StopsAtWhatItCannotRead) {
  std::string name, value;
  for (const std::string& block :
       {"\xff\xff\xff\xff\xff\xff\xff"s, "\x80"s, "\xbe"s, "\x41\x8c\xf1"s, "\x40\x81\xff"s}) {
    EXPECT_FALSE(HpackReader(cursor_of(block), name, value).next());
  }
}

TEST(Http2, BothSidesAreRead) {
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, std::string(18, '\0'));
  const std::string request = frame(1, 0x2d, 1, be8(2) + std::string(5, 'p') + kBlock + std::string(2, '\0'));
  const std::string all = preface + frame(8, 0, 0, std::string(4, '\1')) + request;
  const std::string answer = frame(4, 0, 0, "") + frame(4, 1, 0, "") + frame(1, 4, 1, "\x8d"s);
  for (const std::size_t cut : {std::size_t{2}, std::size_t{30}, std::size_t{60}, all.size() - 3}) {
    NamedFlow flow(8080);
    flow.handshake().client(all.substr(0, cut)).client(all.substr(cut)).server(answer);
    const FlowMetadata found = flow.end();
    EXPECT_EQ(text(found, Metadata::kHttpVersion), "2") << cut;
    EXPECT_EQ(text(found, Metadata::kHttpMethod), "GET") << cut;
    EXPECT_EQ(text(found, Metadata::kHttpUrl), "www.example.com/") << cut;
    EXPECT_EQ(found.number(Metadata::kHttpStatus), 404U) << cut;
  }
}

}  // namespace
}  // namespace spanflow::testing::http_test

// Tests the parser with complete and partial ClientHellos, and with streams that only resemble a ClientHello.
#include "inspect/client_hello.h"

#include <gmock/gmock.h>

#include <memory>
#include <random>

#include "support/application_packets.h"
#include "support/hello_stream.h"
#include "support/recorded_packets.h"
#include "support/tls_octets.h"

namespace spanflow::testing::client_hello_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::uint16_t> list_of(const NumberList& numbers) {
  std::vector<std::uint16_t> list;
  for (std::size_t i = 0; i < numbers.size(); ++i) list.push_back(numbers[i]);
  return list;
}

std::vector<std::uint16_t> types_of(ExtensionReader extensions) {
  std::vector<std::uint16_t> types;
  while (const auto extension = extensions.next()) types.push_back(extension->type);
  return types;
}

std::vector<std::string> names_of(NameReader names) {
  std::vector<std::string> list;
  while (const auto name = names.next()) list.emplace_back(*name);
  return list;
}

// A stream in a heap block of exactly its size, so that a sanitizer finds reads beyond the end. hello() has views into
// this block, so it is valid as long as the Stream exists.
class Stream {
 public:
  explicit Stream(const std::string& octets)
      : octets_(std::make_unique<std::uint8_t[]>(octets.size())), size_(static_cast<std::uint32_t>(octets.size())) {
    std::copy(octets.begin(), octets.end(), octets_.get());
    read_ = read_client_hello({octets_.get(), size_, size_}, *room_);
  }

  HelloVerdict verdict() const { return read_.verdict; }
  const ClientHello& hello() const {
    EXPECT_EQ(read_.verdict, HelloVerdict::kYes);
    return read_.hello;
  }

 private:
  std::unique_ptr<std::uint8_t[]> octets_;
  std::uint32_t size_;
  std::unique_ptr<MessageRoom> room_ = std::make_unique<MessageRoom>();
  HelloRead read_{};
};

HelloVerdict verdict_on(const std::string& octets) { return Stream(octets).verdict(); }
HelloVerdict verdict_on(const HelloParts& parts) { return verdict_on(tls_records(parts.message())); }

HelloParts browser_hello() {
  return {.ciphers = be16(0x5a5a) + be16(0x1301) + be16(0xc02f),
          .extensions = extension(0xfafa, "") + server_name_extension("www.example.org") +
                        extension(16, sized16(sized8("h2") + sized8("http/1.1"))) +
                        extension(13, sized16(be16(0x0403) + be16(0x0804))) +
                        extension(43, sized8(be16(0x0a0a) + be16(0x0304) + be16(0x0303))) + extension(21, "padding")};
}

void expect_browser_hello(const ClientHello& hello) {
  EXPECT_EQ(hello.legacy_version, 0x0303);
  EXPECT_THAT(list_of(hello.ciphers), ElementsAre(0x5a5a, 0x1301, 0xc02f));
  EXPECT_THAT(types_of(hello.extensions), ElementsAre(0xfafa, 0, 16, 13, 43, 21));
  EXPECT_EQ(hello.server_name, "www.example.org");
  EXPECT_THAT(names_of(hello.alpn), ElementsAre("h2", "http/1.1"));
  EXPECT_THAT(list_of(hello.signature_algorithms), ElementsAre(0x0403, 0x0804));
  EXPECT_THAT(list_of(hello.supported_versions), ElementsAre(0x0a0a, 0x0304, 0x0303));
}

TEST(ClientHello, IsReadInAllItsParts) { expect_browser_hello(Stream(tls_records(browser_hello().message())).hello()); }

TEST(ClientHello, InRecordsOfAnySizeIsPutTogether) {
  const std::string message = browser_hello().message();
  for (std::size_t octets = 1; octets <= message.size(); ++octets) {
    expect_browser_hello(Stream(tls_records(message, octets)).hello());
  }
}

TEST(ClientHello, CutAnywhereNeedsMore) {
  for (const std::size_t octets_of_a_record : {3, 100, 16'384}) {
    const std::string stream = tls_records(browser_hello().message(), octets_of_a_record);
    for (std::size_t octets = 0; octets < stream.size(); ++octets) {
      ASSERT_EQ(verdict_on(stream.substr(0, octets)), HelloVerdict::kNeedMore) << octets;
    }
  }
}

TEST(ClientHello, IsReadWhateverComesBehindIt) {
  const std::string message = browser_hello().message();
  expect_browser_hello(Stream(tls_records(message) + "early data").hello());
  expect_browser_hello(Stream(tls_records(message + handshake_message(5, "next"))).hello());
}

TEST(ClientHello, MayLackExtensions) {
  const std::string with_empty_block = HelloParts{}.body();
  const Stream stream{tls_records(handshake_message(1, with_empty_block.substr(0, with_empty_block.size() - 2)))};
  EXPECT_THAT(types_of(stream.hello().extensions), IsEmpty());
  EXPECT_FALSE(stream.hello().server_name);
  EXPECT_EQ(verdict_on(HelloParts{}), HelloVerdict::kYes);
}

TEST(ClientHello, OtherStreamsAreToldApartByTheirFirstOctets) {
  EXPECT_EQ(verdict_on(std::string("G")), HelloVerdict::kNo);
  EXPECT_EQ(verdict_on(http_get("example.org")), HelloVerdict::kNo);
  EXPECT_EQ(verdict_on(tls_server_hello()), HelloVerdict::kNo);
  // A server may send an alert before its hello.
  EXPECT_EQ(verdict_on(be8(21) + be16(0x0303) + sized16("!!")), HelloVerdict::kNeedMore);
  EXPECT_EQ(verdict_on(be8(22) + be8(2)), HelloVerdict::kNo);                       // not a TLS version
  EXPECT_EQ(verdict_on(be8(22) + be16(0x0301) + be16(0)), HelloVerdict::kNo);       // an empty record
  EXPECT_EQ(verdict_on(be8(22) + be16(0x0301) + be16(18'433)), HelloVerdict::kNo);  // longer than a record may be
  EXPECT_EQ(verdict_on(be8(22) + be16(0x0301) + be16(16'384)), HelloVerdict::kNeedMore);
  EXPECT_EQ(verdict_on(be8(22) + be16(0x0301) + be16(100) + be8(1) + be24(16'381)), HelloVerdict::kNo);
  EXPECT_EQ(verdict_on(be8(22) + be16(0x0301) + be16(100) + be8(1) + be24(16'380)), HelloVerdict::kNeedMore);
}

TEST(ClientHello, BetweenItsRecordsThereIsNoOther) {
  const std::string message = browser_hello().message();
  const std::string first = tls_records(message.substr(0, 50));
  EXPECT_EQ(verdict_on(first + be8(21) + be16(0x0303) + sized16("!!") + tls_records(message.substr(50))),
            HelloVerdict::kNo);
}

TEST(ClientHello, IsNoneIfItsLengthsDoNotFit) {
  HelloParts parts = browser_hello();
  const std::string body = parts.body();
  EXPECT_EQ(verdict_on(tls_records(handshake_message(1, ""))), HelloVerdict::kNo);
  EXPECT_EQ(verdict_on(tls_records(handshake_message(1, body + "x"))), HelloVerdict::kNo);
  for (std::size_t octets = 0; octets < body.size(); ++octets) {
    // If the body is cut before the length of the extensions, it is a complete hello without extensions.
    const bool without_extensions = octets == body.size() - 2 - parts.extensions.size();
    EXPECT_EQ(verdict_on(tls_records(handshake_message(1, body.substr(0, octets)))),
              without_extensions ? HelloVerdict::kYes : HelloVerdict::kNo)
        << octets;
  }
}

TEST(ClientHello, IsNoneIfAPartCannotBe) {
  EXPECT_EQ(verdict_on(HelloParts{.version = 0x0202}), HelloVerdict::kNo);
  EXPECT_EQ(verdict_on(HelloParts{.session_id = std::string(33, 's')}), HelloVerdict::kNo);
  EXPECT_EQ(verdict_on(HelloParts{.session_id = ""}), HelloVerdict::kYes);
  EXPECT_EQ(verdict_on(HelloParts{.ciphers = "odd"}), HelloVerdict::kNo);
  EXPECT_EQ(verdict_on(HelloParts{.compression = ""}), HelloVerdict::kNo);
  EXPECT_EQ(verdict_on(HelloParts{.extensions = "x"}), HelloVerdict::kNo);
  EXPECT_EQ(verdict_on(HelloParts{.extensions = be16(21) + be16(4) + "abc"}), HelloVerdict::kNo);
  EXPECT_EQ(verdict_on(HelloParts{.extensions = be16(21) + be16(3) + "abc"}), HelloVerdict::kYes);
}

std::optional<std::string> server_name_in(const std::string& extensions) {
  const Stream stream{tls_records(HelloParts{.extensions = extensions}.message())};
  const auto name = stream.hello().server_name;
  return name ? std::optional<std::string>{*name} : std::nullopt;
}

TEST(ServerName, IsThereInFull) {
  for (const std::size_t octets : {1, 80, 255, 2000}) {
    const std::string name(octets, 'n');
    EXPECT_EQ(server_name_in(server_name_extension(name)), name);
  }
}

TEST(ServerName, IsTheFirstOfAHost) {
  EXPECT_EQ(server_name_in(extension(0, sized16(be8(7) + sized16("other") + be8(0) + sized16("host")))), "host");
  EXPECT_EQ(server_name_in(extension(0, sized16(be8(0) + sized16("a") + be8(0) + sized16("b")))), "a");
}

TEST(ServerName, IsEmptyWhereTheExtensionIsBroken) {
  for (const std::string& content :
       {std::string(), be8(0), sized16(""), be16(9) + be8(0) + sized16("host"), sized16(be8(0) + be16(9) + "host"),
        sized16(be8(7) + sized16("other")), sized16(be8(0) + sized16("host")) + "behind"}) {
    EXPECT_EQ(server_name_in(extension(0, content)), "");
  }
  EXPECT_EQ(server_name_in(extension(16, "")), std::nullopt);
}

TEST(Lists, AreEmptyWhereTheExtensionIsBroken) {
  const Stream stream{tls_records(HelloParts{.extensions = extension(16, be16(9) + sized8("h2")) +
                                                           extension(13, sized16("odd")) + extension(43, be8(9) + "x")}
                                      .message())};
  EXPECT_THAT(names_of(stream.hello().alpn), IsEmpty());
  EXPECT_THAT(list_of(stream.hello().signature_algorithms), IsEmpty());
  EXPECT_THAT(list_of(stream.hello().supported_versions), IsEmpty());
}

// RFC 8701 defines 16 values: 0x0a0a, 0x1a1a and so on up to 0xfafa.
TEST(Grease, IsSixteenValues) {
  int values = 0;
  for (unsigned value = 0; value <= 0xffff; ++value) values += is_grease(static_cast<std::uint16_t>(value)) ? 1 : 0;
  EXPECT_EQ(values, 16);
  EXPECT_TRUE(is_grease(0x0a0a));
  EXPECT_TRUE(is_grease(0xfafa));
  EXPECT_FALSE(is_grease(0x0a1a));
  EXPECT_FALSE(is_grease(0x0b0b));
}

// Returns the TCP payloads in the captures that are a ClientHello. All of them are from curl.
std::vector<std::string> recorded_hellos() {
  std::vector<std::string> hellos;
  for (const char* capture : {"tls12_instagram.pcap", "tls13_web.pcap"}) {
    for (const std::string& payload : recorded_payloads(capture)) {
      if (verdict_on(payload) == HelloVerdict::kYes) hellos.push_back(payload);
    }
  }
  return hellos;
}

// True if every octet of the hello fits the layout in RFC 8446. This code is independent of the parser.
bool is_hello(const std::string& stream) {
  const auto octet = [&stream](std::size_t at) { return static_cast<unsigned char>(stream.at(at)); };
  const auto number = [&octet](std::size_t at) { return octet(at) << 8 | octet(at + 1); };
  try {
    const std::size_t end = 9U + (octet(6) << 16 | number(7));
    std::size_t at = 9 + 2 + 32;
    if (octet(0) != 22 || octet(1) != 3 || octet(5) != 1 || octet(9) != 3 || octet(at) > 32) return false;
    at += 1U + octet(at);
    if (number(at) % 2 != 0) return false;
    at += 2U + static_cast<std::size_t>(number(at));
    if (octet(at) == 0) return false;
    at += 1U + octet(at);
    if (at == end) return true;
    if (at + 2U + static_cast<std::size_t>(number(at)) != end || end > stream.size()) return false;
    for (at += 2; at < end;) at += 4U + static_cast<std::size_t>(number(at + 2));
    return at == end;
  } catch (const std::out_of_range&) {
    return false;
  }
}

void touch_everything(const ClientHello& hello) {
  list_of(hello.ciphers);
  list_of(hello.signature_algorithms);
  list_of(hello.supported_versions);
  types_of(hello.extensions);
  names_of(hello.alpn);
  const std::string name{hello.server_name.value_or("")};
  EXPECT_LE(name.size(), kMostMessage);
}

TEST(RecordedHellos, AreAllRead) { EXPECT_EQ(recorded_hellos().size(), 7U); }

TEST(RecordedHellos, CutAnywhereNeedMore) {
  for (const std::string& hello : recorded_hellos()) {
    for (std::size_t octets = 0; octets < hello.size(); ++octets) {
      ASSERT_EQ(verdict_on(hello.substr(0, octets)), HelloVerdict::kNeedMore) << octets;
    }
  }
}

TEST(RecordedHellos, DamagedAreReadOnlyWhereTheyAreStillWhole) {
  std::mt19937 random{20'240'613};
  int whole = 0;
  int none = 0;
  for (const std::string& recorded : recorded_hellos()) {
    for (int round = 0; round < 2000; ++round) {
      std::string damaged = recorded;
      for (unsigned left = 1 + random() % 3; left > 0; --left) {
        damaged[random() % damaged.size()] = static_cast<char>(random() % 2 == 0 ? random() : random() % 4);
      }
      if (random() % 4 == 0) damaged.resize(random() % damaged.size());
      const Stream stream{damaged};
      if (stream.verdict() != HelloVerdict::kYes) {
        ++none;
        continue;
      }
      ++whole;
      touch_everything(stream.hello());
      // If the record length is damaged, the hello may be spread over several records, which is_hello() does not read.
      const bool in_one_record = damaged.substr(3, 2) == recorded.substr(3, 2);
      ASSERT_TRUE(!in_one_record || is_hello(damaged)) << round;
    }
  }
  EXPECT_GT(whole, 1000);  // both outcomes must occur often
  EXPECT_GT(none, 1000);
}

}  // namespace
}  // namespace spanflow::testing::client_hello_test

// Tests values as CSV and JSON text.
#include "sinks/text.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "support/packet_builder.h"

namespace spanflow::testing::text_test {
namespace {

using namespace std::string_view_literals;

std::string utf8(std::string_view text) {
  TextBuffer out;
  append_utf8(TextWriter(out), text).finish();
  return std::string(out.view());
}

template <typename Value>
std::string csv(const Value& value) {
  TextBuffer out;
  append_csv(TextWriter(out), value).finish();
  return std::string(out.view());
}

template <typename Value>
std::string json(const Value& value) {
  TextBuffer out;
  append_json(TextWriter(out), value).finish();
  return std::string(out.view());
}

TEST(TextWriter, ATextWithoutCharactersAddsNothing) {
  TextBuffer buffer;
  TextWriter out(buffer);
  out.append({});
  out.append("a");
  out.append(std::string_view{});
  out.finish();
  EXPECT_EQ(buffer.view(), "a");
}

TEST(Utf8, ValidTextStaysAsItIs) {
  for (const std::string_view text :
       {"plain", "grün", "日本語", "\U0001F600", "\x7e", "\xc2\xa0", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(utf8(text), text);
  }
}

TEST(Utf8, InvalidOctetsAreShown) {
  EXPECT_EQ(utf8("a\xff"
                 "b"),
            "a\\xFFb");
  EXPECT_EQ(utf8("\x80"), "\\x80");                             // a lone continuation octet
  EXPECT_EQ(utf8("\xc3"), "\\xC3");                             // cut short
  EXPECT_EQ(utf8("\xe2\x82"), "\\xE2\\x82");                    // cut short
  EXPECT_EQ(utf8("\xc0\xaf"), "\\xC0\\xAF");                    // overlong
  EXPECT_EQ(utf8("\xe0\x80\xaf"), "\\xE0\\x80\\xAF");           // overlong
  EXPECT_EQ(utf8("\xed\xa0\x80"), "\\xED\\xA0\\x80");           // a surrogate
  EXPECT_EQ(utf8("\xf4\x90\x80\x80"), "\\xF4\\x90\\x80\\x80");  // above U+10FFFF
  EXPECT_EQ(utf8("\xf5\x80\x80\x80"), "\\xF5\\x80\\x80\\x80");
}

TEST(Utf8, ControlCharactersAndNulAreShown) {
  EXPECT_EQ(utf8("a\0b\nc\x7f\x1b"sv), "a\\x00b\\x0Ac\\x7F\\x1B");
  EXPECT_EQ(utf8("\xc2\x80\xc2\x9b"), "\\xC2\\x80\\xC2\\x9B");  // C1 control characters, two octets each
}

TEST(Utf8, CharactersThatChangeTheLayoutAreShown) {
  EXPECT_EQ(utf8("a\u202e\u2066\u200f\u061c"), R"(a\xE2\x80\xAE\xE2\x81\xA6\xE2\x80\x8F\xD8\x9C)");
  EXPECT_EQ(utf8("\u2028\u2029"), R"(\xE2\x80\xA8\xE2\x80\xA9)");
  for (const char* neighbour : {"\u061b", "\u061d", "\u200d", "\u2010", "\u2027", "\u202f", "\u2065", "\u206a"}) {
    EXPECT_EQ(utf8(neighbour), neighbour);
  }
}

TEST(Utf8, AnEscapeThatWasSentDiffersFromAnEscapedOctet) {
  EXPECT_EQ(utf8("\\x1B"sv), "\\x5Cx1B");
  EXPECT_EQ(utf8("\x1b"), "\\x1B");
  EXPECT_EQ(utf8("\\\x1b"), "\\\\x1B");
  for (const std::string_view text : {"\\", "\\x", "\\x1", "\\x1g", "\\X1B", "\\\\", "C:\\xyz"})
    EXPECT_EQ(utf8(text), text);
}

TEST(Csv, TextsWithBackslashesAreClean) {
  EXPECT_EQ(csv("\\x1B"sv), "\\x5Cx1B");
  EXPECT_EQ(csv("\\x1B,"sv), "\"\\x5Cx1B,\"");
  EXPECT_EQ(json("\\x1B"sv), R"("\\x5Cx1B")");
}

TEST(Csv, PlainValuesAreNotQuoted) {
  EXPECT_EQ(csv("TLS.Instagram"sv), "TLS.Instagram");
  EXPECT_EQ(csv(std::uint64_t{0}), "0");
  EXPECT_EQ(csv(std::uint64_t{18'446'744'073'709'551'615U}), "18446744073709551615");
  EXPECT_EQ(csv(HexValue{0xabc}), "0000000000000abc");
  EXPECT_EQ(csv(std::optional<std::uint64_t>{}), "");
}

TEST(Csv, CommasAndQuotesAreQuoted) {
  EXPECT_EQ(csv("a,b"sv), "\"a,b\"");
  EXPECT_EQ(csv("say \"x\""sv), "\"say \"\"x\"\"\"");
  EXPECT_EQ(csv("\""sv), "\"\"\"\"");
}

TEST(Csv, ALineBreakNeverReachesTheFile) {
  EXPECT_EQ(csv("two\r\nlines"sv), "two\\x0D\\x0Alines");
  EXPECT_EQ(csv("two\nlines, quoted"sv), "\"two\\x0Alines, quoted\"");
}

TEST(Json, TextsAreQuotedAndEscaped) {
  EXPECT_EQ(json("plain"sv), R"("plain")");
  EXPECT_EQ(json("say \"x\" \\ y"sv), R"("say \"x\" \\ y")");
  EXPECT_EQ(json("a\nb\xff"sv), R"("a\\x0Ab\\xFF")");
}

TEST(Json, AnyOctetsMakeAValidString) {
  std::string every_octet;
  for (int octet = 0; octet < 256; ++octet) every_octet.push_back(static_cast<char>(octet));
  const auto parsed = nlohmann::json::parse(json(std::string_view(every_octet)));
  EXPECT_TRUE(parsed.is_string());
  EXPECT_EQ(parsed.get<std::string>(), utf8(every_octet));
}

TEST(Json, NumbersArePlainAndIdsAreTexts) {
  EXPECT_EQ(json(std::uint64_t{42}), "42");
  EXPECT_EQ(json(HexValue{0xfeedface}), R"("00000000feedface")");
}

TEST(Lists, AreJsonAndQuotedInCsv) {
  const std::vector<EarlyPacket> packets = {{.size = 60}, {.size = 1500}};
  const EarlyPacketsValue sizes{packets, early_size};
  EXPECT_EQ(json(sizes), "[60,1500]");
  EXPECT_EQ(csv(sizes), "\"[60,1500]\"");
  EXPECT_EQ(json(EarlyPacketsValue{{}, early_size}), "[]");
}

TEST(Lists, ThatArePaddedLookAsPythonPrintsThem) {
  const std::vector<EarlyPacket> packets = {{.size = 60}, {.size = 1500}};
  EXPECT_EQ(csv(EarlyPacketsValue{packets, early_size, 4}), "\"[60, 1500, -1, -1]\"");
}

TEST(Lists, GapsAreTakenBetweenTimesInTheirUnit) {
  const std::vector<EarlyPacket> packets = {{.time_ns = 1'999'999}, {.time_ns = 2'000'001}, {.time_ns = 2'999'999}};
  EXPECT_EQ(json(EarlyPacketsValue{packets, early_gap<1>}), "[0,2,999998]");
  EXPECT_EQ(json(EarlyPacketsValue{packets, early_gap<1'000'000>}), "[0,1,0]");
}

TEST(MacAddresses, AreHexadecimalPairsAndTheVendorIsTheFirstThree) {
  const MacAddress address = {0x02, 0xab, 0, 0, 0x0c, 0xff};
  EXPECT_EQ(csv(MacValue{&address, 6}), "02:ab:00:00:0c:ff");
  EXPECT_EQ(json(MacValue{&address, 3}), "\"02:ab:00\"");
}

TEST(Reals, HaveThreeDecimals) {
  EXPECT_EQ(json(RealValue{2.0 / 3}), "0.667");
  EXPECT_EQ(csv(RealValue{1500}), "1500.000");
}

std::string metric(double value) {
  TextBuffer text;
  append_metric(TextWriter(text), value).finish();
  return std::string(text.view());
}

TEST(Reals, AreRoundedAsPrintfDoes) {
  const auto expect_as_printf = [](double number) { EXPECT_EQ(csv(RealValue{number}), fmt::format("{:.3f}", number)); };
  for (const double number : {0.0005, 0.0015, 0.0025, 0.9995, 1.0005, 2.5e-4, 1234.0625, 123456789.0005, 999999999.9995,
                              1e9, 1e12, 1e300, -0.0, -1.5, -0.0004}) {
    expect_as_printf(number);
    expect_as_printf(std::nextafter(number, 0));
    expect_as_printf(std::nextafter(number, 1e308));
  }
  std::mt19937_64 random{7};
  for (int i = 0; i < 100'000; ++i) {
    const double sum = static_cast<double>(random() >> (random() % 64));
    expect_as_printf(sum / static_cast<double>(1 + random() % 1000));
  }
}

TEST(Metrics, AreWholeOrHaveThreeDecimals) {
  EXPECT_EQ(metric(0), "0");
  EXPECT_EQ(metric(-0.0), "0");
  EXPECT_EQ(metric(-5), "-5");
  EXPECT_EQ(metric(9'007'199'254'740'992), "9007199254740992");
  EXPECT_EQ(metric(1e20), "100000000000000000000");
  EXPECT_EQ(metric(2.0 / 3), "0.667");
  EXPECT_EQ(metric(-1.5), "-1.500");
}

TEST(Metrics, WithoutAFiniteValueAreNothing) {
  EXPECT_EQ(metric(kNoValue), "");
  EXPECT_EQ(metric(std::numeric_limits<double>::infinity()), "");
}

TEST(Addresses, OfEveryOctetAreDotted) {
  for (int octet = 0; octet < 256; ++octet) {
    IpAddress address;
    address.bytes = {static_cast<std::uint8_t>(octet), 7, 0, static_cast<std::uint8_t>(255 - octet)};
    EXPECT_EQ(csv(AddressValue{&address, 4}), fmt::format("{}.7.0.{}", octet, 255 - octet));
  }
}

TEST(Addresses, AreDottedOrRfc5952) {
  EXPECT_EQ(to_string(address("10.0.0.1"), 4), "10.0.0.1");
  EXPECT_EQ(to_string(address("255.255.255.255"), 4), "255.255.255.255");
  EXPECT_EQ(to_string(address("2001:0db8:0000:0000:0001:0000:0000:0001"), 6), "2001:db8::1:0:0:1");
  EXPECT_EQ(to_string(address("::"), 6), "::");
  EXPECT_EQ(to_string(address("fe80::1"), 6), "fe80::1");
  const IpAddress address6 = address("2001:db8::1");
  EXPECT_EQ(json(AddressValue{&address6, 6}), R"("2001:db8::1")");
  EXPECT_EQ(csv(AddressValue{&address6, 6}), "2001:db8::1");
}

}  // namespace
}  // namespace spanflow::testing::text_test

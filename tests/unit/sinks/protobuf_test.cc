// Tests the encoding of values as protocol buffers. The expected octets are from protoc --encode.
#include <gtest/gtest.h>

#include "sinks/protobuf_values.h"
#include "sinks/record_text.h"
#include "support/records.h"

namespace spanflow::testing::protobuf_test {
namespace {

template <typename Value>
std::string encoded(std::uint32_t number, const Value& value) {
  TextBuffer buffer;
  append_protobuf(TextWriter(buffer), number, value).finish();
  return std::string(buffer.view());
}

using namespace std::string_literals;

TEST(Protobuf, WholeNumbers) {
  EXPECT_EQ(encoded(1, std::uint64_t{0}), "\x08\x00"s);
  EXPECT_EQ(encoded(1, std::uint64_t{150}), "\x08\x96\x01");
  EXPECT_EQ(encoded(100, ~std::uint64_t{0}), "\xa0\x06\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
}

TEST(Protobuf, SignedNumbersAreZigzag) {
  EXPECT_EQ(encoded(1, std::int64_t{0}), "\x08\x00"s);
  EXPECT_EQ(encoded(1, std::int64_t{-1}), "\x08\x01");
  EXPECT_EQ(encoded(1, std::int64_t{1}), "\x08\x02");
}

TEST(Protobuf, FixedAndReal) {
  EXPECT_EQ(encoded(2, HexValue{0x0102}), "\x11\x02\x01\x00\x00\x00\x00\x00\x00"s);
  EXPECT_EQ(encoded(2, RealValue{1.5}), "\x11\x00\x00\x00\x00\x00\x00\xf8\x3f"s);
}

TEST(Protobuf, TextsAreValidUtf8) {
  EXPECT_EQ(encoded(3, std::string_view{"abc"}), "\x1a\x03"s + "abc");
  EXPECT_EQ(encoded(3, std::string_view{"\xc3\xa4\xff"}), "\x1a\x06\xc3\xa4\\xFF");
}

TEST(Protobuf, AddressesAreOctets) {
  const IpAddress four = address("10.0.0.1");
  EXPECT_EQ(encoded(4, AddressValue{&four, 4}), "\x22\x04\x0a\x00\x00\x01"s);
  const IpAddress six = address("2001:db8::1");
  EXPECT_EQ(encoded(4, AddressValue{&six, 6}).substr(0, 6), "\x22\x10\x20\x01\x0d\xb8");
}

TEST(Protobuf, ListsArePacked) {
  const std::array<EarlyPacket, 2> packets{EarlyPacket{.size = 1}, EarlyPacket{.size = 200}};
  EXPECT_EQ(encoded(5, EarlyPacketsValue{packets, early_size}), "\x2a\x03\x02\x90\x03");
}

TEST(Protobuf, WhatIsMissingIsLeftOut) { EXPECT_EQ(encoded(1, std::optional<std::uint64_t>{}), ""); }

TEST(Protobuf, AnEntryOfAMap) {
  TextBuffer buffer;
  append_protobuf_entry(TextWriter(buffer), 1, "ab", 1.5).finish();
  EXPECT_EQ(buffer.view(), "\x0a\x0d\x0a\x02"s + "ab" + "\x11\x00\x00\x00\x00\x00\x00\xf8\x3f"s);
}

TEST(Protobuf, ARecordIsItsFieldsByTheirNumbers) {
  TextBuffer buffer;
  const std::vector<const Field*> selected{&field_named("src_port"), &field_named("ip_protocol")};
  append_protobuf(TextWriter(buffer), record_number(0), selected).finish();
  EXPECT_EQ(buffer.view(), "\x10\xd2\x09\x28\x06");
}

}  // namespace
}  // namespace spanflow::testing::protobuf_test

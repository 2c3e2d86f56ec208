// The exact form of a list of texts in each output format.
#include <gtest/gtest.h>

#include <string>

#include "inspect/metadata.h"
#include "sinks/ipfix_messages.h"
#include "sinks/record_text.h"

namespace spanflow::testing::lists_test {
namespace {

using namespace std::string_literals;

FlowRecord record_with(const std::vector<std::string>& answers, FlowExtras& extras) {
  for (const std::string& answer : answers) put(extras.metadata.octets, Metadata::kDnsAnswers, answer);
  put(extras.metadata.octets, Metadata::kDnsLeastTtl, 60);
  extras.metadata.note_keys();
  FlowRecord record{};
  record.ip_version = 4;
  record.extras = ExtrasView{extras};
  return record;
}

class TextLists : public ::testing::Test {
 protected:
  template <typename Append>
  static std::string written(Append append) {
    TextBuffer buffer;
    append(TextWriter(buffer)).finish();
    return std::string(buffer.view());
  }

  const std::vector<const Field*> fields_ = {&field_named("dns_answers"), &field_named("dns_least_ttl")};
  FlowExtras extras_;
  const FlowRecord record_ = record_with({"A 192.0.2.1", "TXT a;b\\c", "PTR \"x\""}, extras_);
  FlowExtras no_extras_;
  const FlowRecord empty_ = record_with({}, no_extras_);
};

TEST_F(TextLists, InJsonAreArrays) {
  EXPECT_EQ(written([&](TextWriter out) { return append_json(out, record_, fields_); }),
            R"({"dns_answers":["A 192.0.2.1","TXT a;b\\c","PTR \"x\""],"dns_least_ttl":60})");
  EXPECT_EQ(written([&](TextWriter out) { return append_json(out, empty_, fields_); }), R"({"dns_least_ttl":60})");
}

TEST_F(TextLists, InCsvAreJoinedBySemicolons) {
  EXPECT_EQ(written([&](TextWriter out) { return append_csv(out, record_, fields_); }),
            "\"A 192.0.2.1;TXT a\\;b\\\\c;PTR \"\"x\"\"\",60\n");
  EXPECT_EQ(written([&](TextWriter out) { return append_csv(out, empty_, fields_); }), ",60\n");
}

TEST_F(TextLists, HaveCleanTextsInAllFormats) {
  FlowExtras extras;
  const FlowRecord record = record_with({"\x1b;", "\\x1B", "\u202e"}, extras);
  EXPECT_EQ(written([&](TextWriter out) { return append_csv(out, record, fields_); }),
            R"(\\x1B\;;\\x5Cx1B;\\xE2\\x80\\xAE,60)"
            "\n");
  EXPECT_EQ(written([&](TextWriter out) { return append_json(out, record, fields_); }),
            R"({"dns_answers":["\\x1B;","\\x5Cx1B","\\xE2\\x80\\xAE"],"dns_least_ttl":60})");
  const std::string ipfix =
      written([&](TextWriter out) { return IpfixTemplate(256, fields_, 4).append_record(out, record); });
  EXPECT_NE(ipfix.find("\x05\\x1B;\x07\\x5Cx1B\x0c\\xE2\\x80\\xAE"), std::string::npos);
}

TEST_F(TextLists, InProtobufAreRepeated) {
  EXPECT_EQ(written([&](TextWriter out) { return append_protobuf(out, record_, fields_); }),
            "\xda\x06\x0b"s
            "A 192.0.2.1"
            "\xda\x06\x09"
            "TXT a;b\\c"
            "\xda\x06\x07"
            "PTR \"x\""
            "\xe0\x06\x3c");
  EXPECT_EQ(written([&](TextWriter out) { return append_protobuf(out, empty_, fields_); }), "\xe0\x06\x3c");
}

// RFC 6313, section 4.5.1: semantic "ordered" (4), the element 398 of ntop (35632) with variable length, and the texts.
TEST_F(TextLists, InIpfixAreBasicLists) {
  const IpfixTemplate v4(256, fields_, 4);
  EXPECT_EQ(written([&](TextWriter out) { return v4.append_definition(out); }),
            "\x01\x00\x00\x02\x01\x23\xff\xff\x81\x60\x00\x04\x00\x00\x8b\x30"s);
  EXPECT_EQ(written([&](TextWriter out) { return v4.append_record(out, record_); }),
            "\x27\x04\x81\x8e\xff\xff\x00\x00\x8b\x30\x0b"s
            "A 192.0.2.1"
            "\x09"
            "TXT a;b\\c"
            "\x07"
            "PTR \"x\""s +
                "\0\0\0\x3c"s);
  EXPECT_EQ(written([&](TextWriter out) { return v4.append_record(out, empty_); }),
            "\x09\x04\x81\x8e\xff\xff\x00\x00\x8b\x30\0\0\0\x3c"s);
}

}  // namespace
}  // namespace spanflow::testing::lists_test

// Reads certificates, and names in all their forms.
#include "inspect/certificate.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "inspect/vectors.h"
#include "support/tls_octets.h"

namespace spanflow::testing::certificate_test {
namespace {

using namespace std::string_literals;

std::string der(std::uint8_t type, const std::string& content) {
  if (content.size() < 128) return be8(type) + be8(content.size()) + content;
  return be8(type) + be8(0x82) + be16(content.size()) + content;
}

std::string attribute(const std::string& oid, std::uint8_t type, const std::string& value) {
  return der(0x31, der(0x30, der(0x06, oid) + der(type, value)));
}

const std::string kCommonName = "\x55\x04\x03";

std::string name_of(const std::string& content) {
  fmt::memory_buffer text;
  append_name(text, cursor_of(content));
  return {text.data(), text.size()};
}

struct CertificateParts {
  std::string serial = "\0\xab\xcd"s;
  std::string not_before = der(0x17, "250131235959Z");
  std::string not_after = der(0x18, "20500131235959Z");
  std::string names;

  std::string octets() const {
    const std::string extension =
        der(0x30, der(0x06, "\x55\x1d\x11") + der(0x01, "\xff") + der(0x04, der(0x30, names)));
    const std::string body = der(0xa0, der(0x02, "\x02")) + der(0x02, serial) + der(0x30, "algorithm") +
                             der(0x30, attribute(kCommonName, 0x0c, "issuer")) + der(0x30, not_before + not_after) +
                             der(0x30, attribute(kCommonName, 0x0c, "subject")) + der(0x30, "key") +
                             der(0xa3, der(0x30, extension));
    return der(0x30, der(0x30, body) + der(0x30, "algorithm") + der(0x03, "signature"));
  }
};

TEST(Certificate, GivesItsParts) {
  const std::string octets = CertificateParts{}.octets();
  const auto certificate = parse_certificate(cursor_of(octets));
  ASSERT_TRUE(certificate);
  EXPECT_EQ(text_of(certificate->serial), "\xab\xcd");
  EXPECT_EQ(name_of(std::string(text_of(certificate->issuer))), "CN=issuer");
  EXPECT_EQ(name_of(std::string(text_of(certificate->subject))), "CN=subject");
  EXPECT_EQ(certificate->not_before, 1'738'367'999U);
  EXPECT_EQ(certificate->not_after, 2'527'286'399U);
}

TEST(Certificate, OfThe20thCenturyAndWithWrongTimes) {
  const auto before = [](const std::string& time) {
    const std::string octets = CertificateParts{.not_before = time}.octets();
    return parse_certificate(cursor_of(octets))->not_before;
  };
  EXPECT_EQ(before(der(0x17, "990101000000Z")), 915'148'800U);
  EXPECT_EQ(before(der(0x17, "650101000000Z")), 0U);
  EXPECT_EQ(before(der(0x17, "251301000000Z")), 0U);
  EXPECT_EQ(before(der(0x17, "25")), 0U);
  EXPECT_EQ(before(der(0x0c, "250101000000Z")), 0U);
}

TEST(Certificate, GivesDnsNamesAndAddresses) {
  const std::string names = der(0x82, "www.example.org") + der(0x81, "mail@example.org") +
                            der(0x87, "\xc0\x00\x02\x01"s) +
                            der(0x87, "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01") + der(0x87, "123");
  const std::string octets = CertificateParts{.names = names}.octets();
  CertificateNames reader(parse_certificate(cursor_of(octets))->names);
  std::vector<std::string> all;
  for (fmt::memory_buffer text; reader.next(text);) all.emplace_back(text.data(), text.size());
  EXPECT_EQ(all, (std::vector<std::string>{"www.example.org", "192.0.2.1", "2001:db8::1"}));
}

TEST(Certificate, CutAnywhereIsNone) {
  const std::string octets = CertificateParts{}.octets();
  for (std::size_t size = 0; size < octets.size(); ++size) {
    EXPECT_FALSE(parse_certificate(cursor_of(octets.substr(0, size)))) << size;
  }
}

TEST(DistinguishedName, HasItsAttributesInTheirOrder) {
  EXPECT_EQ(name_of(attribute("\x55\x04\x06", 0x13, "US") + attribute("\x55\x04\x0a", 0x0c, "Example, Inc. \\") +
                    attribute(kCommonName, 0x0c, "example.org")),
            "C=US, O=Example\\, Inc. \\\\, CN=example.org");
}

TEST(DistinguishedName, OfEveryKindOfStringIsUtf8) {
  EXPECT_EQ(name_of(attribute(kCommonName, 0x1e, "\x00\x4d\x00\xfc\x20\xac"s)), "CN=M\u00fc\u20ac");
  EXPECT_EQ(name_of(attribute(kCommonName, 0x14, "M\xfc")), "CN=M\u00fc");
  EXPECT_EQ(name_of(attribute(kCommonName, 0x1c, "\x00\x01\xf6\x00"s)), "CN=\U0001f600");
}

TEST(DistinguishedName, ShowsOtherAttributesByTheirNumbers) {
  EXPECT_EQ(name_of(attribute("\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x03", 0x13, "DE")),
            "1.3.6.1.4.1.311.60.2.1.3=DE");
}

}  // namespace
}  // namespace spanflow::testing::certificate_test

// Compares JA4 with published values. The specification is technical_details/JA4.md of
// https://github.com/FoxIO-LLC/ja4.
#include "inspect/ja4.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <string>

#include "inspect/vectors.h"
#include "support/hello_stream.h"
#include "support/recorded_packets.h"
#include "support/tls_octets.h"

namespace spanflow::testing::ja4_test {
namespace {

std::string numbers(std::initializer_list<std::uint16_t> list) {
  std::string octets;
  for (const std::uint16_t number : list) octets += be16(number);
  return octets;
}

std::string alpn(const std::string& name) { return extension(16, sized16(sized8(name))); }
std::string signature_algorithms(std::initializer_list<std::uint16_t> list) {
  return extension(13, sized16(numbers(list)));
}
std::string supported_versions(std::initializer_list<std::uint16_t> list) {
  return extension(43, sized8(numbers(list)));
}
std::string empty_extensions(std::initializer_list<std::uint16_t> types) {
  std::string octets;
  for (const std::uint16_t type : types) octets += extension(type, "");
  return octets;
}

// Returns the fingerprint of the hello at the start of the stream, or an empty text if there is no hello.
std::string ja4_of_stream(const std::string& stream) {
  const auto size = static_cast<std::uint32_t>(stream.size());
  const auto room = std::make_unique<MessageRoom>();
  const HelloRead read = read_client_hello({reinterpret_cast<const std::uint8_t*>(stream.data()), size, size}, *room);
  return read.verdict == HelloVerdict::kYes ? std::string(Ja4().of(read.hello)) : "";
}

std::string ja4_of(const HelloParts& parts) { return ja4_of_stream(tls_records(parts.message())); }

// The worked example in the specification.
HelloParts example() {
  return {.ciphers = numbers({0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
                              0x009c, 0x009d, 0x002f, 0x0035}),
          .extensions = extension(0x1b, "") + server_name_extension("example.org") + extension(0x33, "") + alpn("h2") +
                        empty_extensions({0x4469, 0x17, 0x2d}) +
                        signature_algorithms({0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601}) +
                        empty_extensions({0x05, 0x23, 0x12}) + supported_versions({0x0304, 0x0303}) +
                        empty_extensions({0xff01, 0x0b, 0x0a, 0x15})};
}

std::string ja4_of(const HelloParts& parts, HelloTransport transport) {
  const std::string body = parts.body();
  const auto hello = parse_client_hello(cursor_of(body), transport);
  return hello ? std::string(Ja4().of(*hello)) : "";
}

// A hello of Chrome over QUIC, as in the README of the specification.
TEST(Ja4, OfQuic) {
  HelloParts parts{.ciphers = numbers({0x1301, 0x1302, 0x1303})};
  parts.extensions = server_name_extension("example.org") + alpn("h3") + empty_extensions({0x0a, 0x1b}) +
                     signature_algorithms({0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601, 0x0201}) +
                     supported_versions({0x0304}) + empty_extensions({0x2d, 0x33, 0x39, 0x4469});
  EXPECT_EQ(ja4_of(parts, HelloTransport::kQuic), "q13d0310h3_55b375c5d22e_cd85d2d88918");
}

TEST(Ja4, OfDtlsHasTheNewestVersionWhichIsTheSmallestNumber) {
  const auto start = [](std::size_t version, const std::string& extensions) {
    HelloParts parts{.version = version, .session_id = std::string(3, 'S')};
    parts.extensions = extensions;
    std::string body = parts.body();
    body.insert(2 + 32 + 1 + 3, be8(0));  // an empty cookie after the session id
    const auto hello = parse_client_hello(cursor_of(body), HelloTransport::kDtls);
    return hello ? std::string(Ja4().of(*hello)).substr(0, 4) : "";
  };
  EXPECT_EQ(start(0xfeff, ""), "dd1i");
  EXPECT_EQ(start(0xfefd, ""), "dd2i");
  EXPECT_EQ(start(0xfefd, supported_versions({0xfefd, 0xfefc})), "dd3i");
  EXPECT_EQ(start(0x0303, ""), "");
}

TEST(Ja4, OfTheSpecificationsExample) { EXPECT_EQ(ja4_of(example()), "t13d1516h2_8daaf6152771_e5627efa2ab1"); }

// Chrome adds GREASE values to each list. The fingerprint must stay the same.
TEST(Ja4, LeavesGreaseOut) {
  HelloParts parts = example();
  parts.ciphers = be16(0x5a5a) + parts.ciphers;
  parts.extensions = extension(0xfafa, "") + parts.extensions + extension(0x1a1a, be8(0));
  EXPECT_EQ(ja4_of(parts), "t13d1516h2_8daaf6152771_e5627efa2ab1");
  EXPECT_EQ(ja4_of({.extensions = signature_algorithms({0x3a3a, 0x0403})}),
            ja4_of({.extensions = signature_algorithms({0x0403})}));
  EXPECT_EQ(ja4_of({.extensions = signature_algorithms({0x3a3a})}), ja4_of({.extensions = extension(13, "")}));
  EXPECT_EQ(ja4_of({.extensions = supported_versions({0xfafa, 0x0303})}).substr(0, 3), "t12");
  EXPECT_EQ(ja4_of({.extensions = extension(16, sized16(sized8("\x1a\x1a") + sized8("h2")))}).substr(0, 10),
            "t12i0201h2");
}

// One hello of Firefox, and two hellos of OpenSSL with unusual ALPN names. Source: tests/operations/tests/JA4.mjs of
// https://github.com/gchq/CyberChef.
TEST(Ja4, OfFirefox) {
  const HelloParts firefox{.ciphers = numbers({0x1301, 0x1303, 0x1302, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc02c, 0xc030,
                                               0xc00a, 0xc009, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035}),
                           .extensions = server_name_extension("contile.services.mozilla.com") +
                                         empty_extensions({0x17, 0xff01, 0x0a, 0x0b, 0x23}) +
                                         extension(16, sized16(sized8("h2") + sized8("http/1.1"))) +
                                         empty_extensions({0x05, 0x22, 0x33}) + supported_versions({0x0304, 0x0303}) +
                                         signature_algorithms({0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401,
                                                               0x0501, 0x0601, 0x0203, 0x0201}) +
                                         empty_extensions({0x2d, 0x1c, 0x15})};
  EXPECT_EQ(ja4_of(firefox), "t13d1715h2_5b57614c22b0_3d5424432f57");
}

TEST(Ja4, OfOpenSslWithBlanksInTheProtocolName) {
  const auto openssl = [](const std::string& protocol) {
    return HelloParts{
        .ciphers = numbers({0x1302, 0x1303, 0x1301, 0xc02c, 0xc030, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc024, 0xc028,
                            0xc023, 0xc027, 0x009f, 0x009e, 0x006b, 0x0067, 0x00ff}),
        .extensions =
            server_name_extension("fedev.contentgrab.net") + empty_extensions({0x0b, 0x0a, 0x23}) + alpn(protocol) +
            empty_extensions({0x16, 0x17}) +
            signature_algorithms({0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805,
                                  0x0806, 0x0401, 0x0501, 0x0601, 0x0303, 0x0301, 0x0302, 0x0402, 0x0502, 0x0602}) +
            supported_versions({0x0304, 0x0303}) + empty_extensions({0x2d, 0x33, 0x15})};
  };
  EXPECT_EQ(ja4_of(openssl(" ")), "t13d181220_85036bcba153_d41ae481755e");
  EXPECT_EQ(ja4_of(openssl("a ")), "t13d181260_85036bcba153_d41ae481755e");
}

// Section "Extension hash" of the specification: without signature algorithms, the list ends without an underscore.
TEST(Ja4, WithoutSignatureAlgorithmsHashesTheExtensionsAlone) {
  const HelloParts parts{.extensions = empty_extensions(
                             {0x05, 0x0a, 0x0b, 0x0d, 0x12, 0x15, 0x17, 0x1b, 0x23, 0x2b, 0x2d, 0x33, 0x4469, 0xff01})};
  EXPECT_EQ(ja4_of(parts).substr(24), "6d807ffa2a79");
}

TEST(Ja4, WithoutCiphersOrExtensionsSaysSo) {
  EXPECT_EQ(ja4_of({.ciphers = be16(0x0a0a)}), "t12i000000_000000000000_000000000000");
  // SNI and ALPN are counted, but not hashed.
  EXPECT_EQ(ja4_of({.ciphers = "", .extensions = server_name_extension("a") + alpn("h2")}),
            "t12d0002h2_000000000000_000000000000");
}

TEST(Ja4, CountsNoFurtherThan99) {
  std::string ciphers;
  std::string extensions;
  for (std::uint16_t i = 0; i < 120; ++i) {
    ciphers += be16(0xc100 + i);
    extensions += extension(0x3000 + i, "");
  }
  EXPECT_EQ(ja4_of({.ciphers = ciphers, .extensions = extensions}).substr(0, 11), "t12i999900_");
  EXPECT_EQ(ja4_of({.ciphers = ciphers.substr(0, 198)}).substr(0, 11), "t12i990000_");
  EXPECT_EQ(ja4_of({.ciphers = ciphers.substr(0, 196)}).substr(0, 11), "t12i980000_");
}

// Section "TLS and DTLS Version" of the specification.
TEST(Ja4, TakesTheNewestVersionOnOffer) {
  const auto version = [](std::size_t legacy, const std::string& extensions) {
    return ja4_of({.version = legacy, .extensions = extensions}).substr(1, 2);
  };
  EXPECT_EQ(version(0x0300, ""), "s3");
  EXPECT_EQ(version(0x0301, ""), "10");
  EXPECT_EQ(version(0x0302, ""), "11");
  EXPECT_EQ(version(0x0303, ""), "12");
  EXPECT_EQ(version(0x0304, ""), "13");
  EXPECT_EQ(version(0x0305, ""), "00");
  EXPECT_EQ(version(0x0303, supported_versions({0x0302, 0x0304, 0x0303})), "13");
  EXPECT_EQ(version(0x0303, supported_versions({0x0302, 0x0301})), "11");
  EXPECT_EQ(version(0x0303, supported_versions({0xfb1a, 0x0304})), "00");  // 0xfb1a is a draft of TLS 1.3 by Facebook
  EXPECT_EQ(version(0x0303, supported_versions({0x7a7a})), "12");
  EXPECT_EQ(version(0x0303, extension(43, "")), "12");
}

// Section "ALPN Extension Value" of the specification, with its examples.
TEST(Ja4, ShowsTheEndsOfTheFirstProtocolName) {
  const auto shown = [](const std::string& name) { return ja4_of({.extensions = alpn(name)}).substr(8, 2); };
  EXPECT_EQ(shown("h2"), "h2");
  EXPECT_EQ(shown("http/1.1"), "h1");
  EXPECT_EQ(shown("Z"), "ZZ");
  EXPECT_EQ(shown(""), "00");
  EXPECT_EQ(shown("\xab"), "ab");
  EXPECT_EQ(shown("\xab\xcd"), "ad");
  EXPECT_EQ(shown("\x30\xab"), "3b");
  EXPECT_EQ(shown("\x30\x31\xab\xcd"), "3d");
  EXPECT_EQ(shown("\x30\xab\xcd\x31"), "01");
  EXPECT_EQ(ja4_of({.extensions = extension(16, "")}).substr(8, 2), "00");
  EXPECT_EQ(ja4_of({.extensions = extension(16, sized16(""))}).substr(8, 2), "00");
}

// The client is curl 7.88 with OpenSSL 3.0. The expected value follows from the specification and the fields that
// tshark shows for these hellos. The same value is published elsewhere for this client.
TEST(Ja4, OfRecordedCurl) {
  std::vector<std::string> fingerprints;
  for (const char* capture : {"tls12_instagram.pcap", "tls13_web.pcap"}) {
    for (const std::string& payload : recorded_payloads(capture)) {
      if (const std::string ja4 = ja4_of_stream(payload); !ja4.empty()) fingerprints.push_back(ja4);
    }
  }
  EXPECT_EQ(fingerprints, std::vector<std::string>(7, "t13d3112h2_e8f1e7e78f70_b26ce05bbdd6"));
}

TEST(Ja4, IsTheSameInWhateverOrderTheListsCome) {
  HelloParts parts = example();
  const std::string ciphers = parts.ciphers;
  parts.ciphers = ciphers.substr(10) + ciphers.substr(0, 10);
  parts.extensions = parts.extensions.substr(4) + parts.extensions.substr(0, 4);
  EXPECT_EQ(ja4_of(parts), "t13d1516h2_8daaf6152771_e5627efa2ab1");
}

TEST(Ja4, OneFingerprintLeavesNothingToTheNext) {
  Ja4 ja4;
  const auto room = std::make_unique<MessageRoom>();
  const auto of = [&](const HelloParts& parts) {
    const std::string stream = tls_records(parts.message());
    const auto size = static_cast<std::uint32_t>(stream.size());
    return std::string(
        ja4.of(read_client_hello({reinterpret_cast<const std::uint8_t*>(stream.data()), size, size}, *room).hello));
  };
  EXPECT_EQ(of(example()), "t13d1516h2_8daaf6152771_e5627efa2ab1");
  EXPECT_EQ(of({.ciphers = be16(0x0a0a)}), "t12i000000_000000000000_000000000000");
  EXPECT_EQ(of(example()), "t13d1516h2_8daaf6152771_e5627efa2ab1");
}

}  // namespace
}  // namespace spanflow::testing::ja4_test

// Tests hashes and base64 with the examples of the standards.
#include "base/digest.h"

#include <gtest/gtest.h>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <string>
#include <vector>

namespace spanflow::testing::digest_test {
namespace {

std::string hex(std::span<const std::uint8_t> octets) { return fmt::format("{:02x}", fmt::join(octets, "")); }

std::array<std::uint8_t, 20> sha1_of(std::string_view text) {
  return sha1(std::span(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

// The examples of FIPS 180-2, appendices A.1 (SHA-1) and B.1 (SHA-256).
TEST(Digest, HashesTheExamplesOfTheStandard) {
  EXPECT_EQ(hex(sha1_of("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// The second text is the example of FIPS 180-2, appendix A.2. Its padding needs a second block.
TEST(Digest, HashesAnEmptyTextAndMoreThanABlock) {
  EXPECT_EQ(hex(sha1_of("")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(hex(sha1_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

std::string base64(std::string_view text) {
  ShortText encoded;
  append_base64(encoded, std::vector<std::uint8_t>(text.begin(), text.end()));
  return std::string(encoded.view());
}

// The examples of RFC 4648, section 10.
TEST(Base64, EncodesTheExamplesOfTheStandard) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
}

TEST(Base64, AppendsToTheText) {
  ShortText text{"1:"};
  append_base64(text, std::vector<std::uint8_t>(21, 0xff));
  EXPECT_EQ(text.view(), "1:////////////////////////////");
}

}  // namespace
}  // namespace spanflow::testing::digest_test

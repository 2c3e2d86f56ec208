// Tests CRC32C with the examples of RFC 3720, appendix B.4.
#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <string>

namespace spanflow::testing::crc32c_test {
namespace {

TEST(Crc32cTest, GivesTheExamplesOfTheRfc) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43U);
  std::string ascending;
  for (char c = 0; c < 32; ++c) ascending += c;
  EXPECT_EQ(crc32c(ascending), 0x46DD794EU);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
}

TEST(Crc32cTest, TwoPiecesGiveTheChecksumOfTheWhole) {
  const std::string_view text = "123456789";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(crc32c(text.substr(0, cut), text.substr(cut)), 0xE3069283U) << cut;
  }
}

}  // namespace
}  // namespace spanflow::testing::crc32c_test

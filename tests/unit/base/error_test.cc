#include "base/error.h"

#include <gmock/gmock.h>
namespace spanflow::testing::error_test {
namespace {

using ::testing::StrEq;

TEST(Error, IsOneLine) {
  EXPECT_THAT(ConfigError("a.yaml:1: unknown escape character: \n").what(),
              StrEq("a.yaml:1: unknown escape character: \\x0A"));
  EXPECT_THAT(RunError("a\r\nb.pcap: cannot be read").what(), StrEq("a\\x0D\\x0Ab.pcap: cannot be read"));
}

TEST(Error, LeavesEscapesAsTheyAre) {
  EXPECT_THAT(ConfigError("--set a\\x0Ab: unknown key").what(), StrEq("--set a\\x0Ab: unknown key"));
}

}  // namespace
}  // namespace spanflow::testing::error_test

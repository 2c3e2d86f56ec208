#include "dpi/ndpi_print.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <limits>
#include <optional>
#include <string>

namespace spanflow::testing::ndpi_print_test {
namespace {

constexpr std::size_t kRoom = 64;

struct Printed {
  int length = 0;
  std::array<char, kRoom> buffer{};
  bool operator==(const Printed&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Printed& printed) {
  return out << printed.length << " \"" << printed.buffer.data() << '"';
}

// Calls print() with a buffer of `size` octets. The octets behind the buffer are 0 before the call, so a write beyond
// the end is visible. Returns nothing if print() does not know the format.
std::optional<Printed> printed(std::size_t size, const char* format, ...) {
  Printed result;
  std::va_list arguments;
  va_start(arguments, format);
  const auto length = print(result.buffer.data(), size, format, arguments);
  va_end(arguments);
  if (!length) return std::nullopt;
  result.length = *length;
  return result;
}

Printed by_libc(std::size_t size, const char* format, ...) {
  Printed result;
  std::va_list arguments;
  va_start(arguments, format);
  result.length = std::vsnprintf(result.buffer.data(), size, format, arguments);
  va_end(arguments);
  return result;
}

template <typename... Arguments>
void expect_as_libc(const char* format, Arguments... arguments) {
  for (const std::size_t size :
       {kRoom, std::size_t{11}, std::size_t{4}, std::size_t{3}, std::size_t{1}, std::size_t{0}}) {
    EXPECT_EQ(printed(size, format, arguments...), by_libc(size, format, arguments...)) << format << " into " << size;
  }
}

TEST(NdpiPrint, PrintsNumbersAndTextsAsTheCLibrary) {
  for (const unsigned number : {0U, 7U, 10U, 47U, 255U, 4865U, 0x1a2bU, std::numeric_limits<unsigned>::max()}) {
    for (const char* format : {"%u", "%u,", "%x", "%X", "%02x", "%02X", "%04X", "%09u", "a%ub"}) {
      expect_as_libc(format, number);
    }
    expect_as_libc("%s%u", "-", number);
    expect_as_libc("%s%u", "", number);
    expect_as_libc("%s%04X", "-", number);
  }
  expect_as_libc("%s%s=%s", "&", "key", "value");
  expect_as_libc(",%s,%s,%s", "1-2-3", "", "0");
  expect_as_libc("");
}

TEST(NdpiPrint, LeavesEverythingElseToTheCLibrary) {
  for (const char* format : {"%d", "%5u", "%lu", "%.2f", "%-4u", "%%", "%c", "%0", "%", "%02s", "%010u"}) {
    EXPECT_EQ(printed(kRoom, format, 1U), std::nullopt) << format;
  }
  EXPECT_EQ(printed(kRoom, "%s", static_cast<const char*>(nullptr)), std::nullopt);
}

}  // namespace
}  // namespace spanflow::testing::ndpi_print_test

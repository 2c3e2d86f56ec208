// Hexadecimal digits.
#pragma once

#include <string_view>

namespace spanflow {

inline constexpr std::string_view kHexDigits = "0123456789abcdef";

// Upper-case digits count too.
constexpr bool is_hex_digit(char c) {
  return std::string_view("0123456789abcdefABCDEF").find(c) != std::string_view::npos;
}

}  // namespace spanflow

// Hexadecimal digits.
#pragma once

#include <string_view>

namespace spanflow {

inline constexpr std::string_view kHexDigits = "0123456789abcdef";

}  // namespace spanflow

// SHA-1, SHA-256 and base64. No function allocates memory.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/short_text.h"

namespace spanflow {

std::array<std::uint8_t, 20> sha1(std::span<const std::uint8_t> message);
std::array<std::uint8_t, 32> sha256(std::string_view message);

// RFC 4648, with padding. `octets` has at most 21: their base64 text fits in a ShortText.
void append_base64(ShortText& text, std::span<const std::uint8_t> octets);

}  // namespace spanflow

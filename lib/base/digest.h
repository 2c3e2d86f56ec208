// MD5, SHA-1, SHA-256, and their texts. No function allocates memory. MD5 and SHA-1 serve only as fingerprints.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/short_text.h"

namespace spanflow {

std::array<std::uint8_t, 16> md5(std::string_view message);
std::array<std::uint8_t, 20> sha1(std::span<const std::uint8_t> message);
std::array<std::uint8_t, 32> sha256(std::string_view message);

// Appends `octets` as base64 (RFC 4648, with padding). At most 21 octets are allowed, because their base64 text must
// fit in a ShortText.
void append_base64(ShortText& text, std::span<const std::uint8_t> octets);

}  // namespace spanflow

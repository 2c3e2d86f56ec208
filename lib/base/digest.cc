#include "base/digest.h"

#include <nettle/base64.h>
#include <nettle/md5.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>

#include <cassert>

namespace spanflow {
namespace {

constexpr std::size_t kMostBase64Octets = 21;

}  // namespace

std::array<std::uint8_t, 16> md5(std::string_view message) {
  std::array<std::uint8_t, MD5_DIGEST_SIZE> hash;
  md5_ctx context;
  md5_init(&context);
  md5_update(&context, message.size(), reinterpret_cast<const std::uint8_t*>(message.data()));
  md5_digest(&context, hash.size(), hash.data());
  return hash;
}

std::array<std::uint8_t, 20> sha1(std::span<const std::uint8_t> message) {
  std::array<std::uint8_t, SHA1_DIGEST_SIZE> hash;
  sha1_ctx context;
  sha1_init(&context);
  sha1_update(&context, message.size(), message.data());
  sha1_digest(&context, hash.size(), hash.data());
  return hash;
}

std::array<std::uint8_t, 32> sha256(std::string_view message) {
  std::array<std::uint8_t, SHA256_DIGEST_SIZE> hash;
  sha256_ctx context;
  sha256_init(&context);
  sha256_update(&context, message.size(), reinterpret_cast<const std::uint8_t*>(message.data()));
  sha256_digest(&context, hash.size(), hash.data());
  return hash;
}

void append_base64(ShortText& text, std::span<const std::uint8_t> octets) {
  assert(octets.size() <= kMostBase64Octets);
  std::array<char, BASE64_ENCODE_RAW_LENGTH(kMostBase64Octets)> encoded;
  base64_encode_raw(encoded.data(), octets.size(), octets.data());
  text.append({encoded.data(), BASE64_ENCODE_RAW_LENGTH(octets.size())});
}

}  // namespace spanflow

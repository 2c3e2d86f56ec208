#include "inspect/quic_keys.h"

#include <nettle/aes.h>
#include <nettle/gcm.h>
#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace spanflow {
namespace {

using Salt = std::array<std::uint8_t, 20>;
using Secret = std::array<std::uint8_t, SHA256_DIGEST_SIZE>;

constexpr Salt kSaltOfDraft23 = {0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7,
                                 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02};
constexpr Salt kSaltOfDraft29 = {0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97,
                                 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99};
constexpr Salt kSaltOf1 = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                           0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
constexpr Salt kSaltOf2Draft0 = {0xa7, 0x07, 0xc2, 0x03, 0xa5, 0x9b, 0x47, 0x18, 0x4a, 0x1d,
                                 0x62, 0xca, 0x57, 0x04, 0x06, 0xea, 0x7a, 0xe3, 0xe5, 0xd3};
constexpr Salt kSaltOf2 = {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
                           0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9};

constexpr QuicVersion draft(std::uint8_t number, std::string_view name, const Salt& salt) {
  return {0xff000000U | number, name, salt, "quic ", 0};
}

constexpr std::array kVersions = {
    QuicVersion{0x00000001, "v1", kSaltOf1, "quic ", 0},
    QuicVersion{0x6b3343cf, "v2", kSaltOf2, "quicv2 ", 1},
    QuicVersion{0xff020000, "v2-draft-00", kSaltOf2Draft0, "quicv2 ", 1},
    QuicVersion{0xfaceb002, "mvfst-27", kSaltOfDraft23, "quic ", 0},
    draft(23, "draft-23", kSaltOfDraft23),
    draft(24, "draft-24", kSaltOfDraft23),
    draft(25, "draft-25", kSaltOfDraft23),
    draft(27, "draft-27", kSaltOfDraft23),
    draft(28, "draft-28", kSaltOfDraft23),
    draft(29, "draft-29", kSaltOfDraft29),
    draft(30, "draft-30", kSaltOfDraft29),
    draft(31, "draft-31", kSaltOfDraft29),
    draft(32, "draft-32", kSaltOfDraft29),
    draft(33, "draft-33", kSaltOf1),
    draft(34, "draft-34", kSaltOf1),
};

// HKDF-Expand-Label of RFC 8446, section 7.1, with an empty context.
void expand(const Secret& secret, std::string_view label_start, std::string_view label, std::span<std::uint8_t> out) {
  constexpr std::string_view kTls = "tls13 ";
  std::array<std::uint8_t, 40> info{};
  std::size_t size = 0;
  const auto push = [&](std::size_t octet) { info[size++] = static_cast<std::uint8_t>(octet); };
  push(0);
  push(out.size());
  push(kTls.size() + label_start.size() + label.size());
  for (const std::string_view part : {kTls, label_start, label}) {
    for (const char c : part) push(static_cast<unsigned char>(c));
  }
  push(0);
  assert(size <= info.size());
  hmac_sha256_ctx context;
  hmac_sha256_set_key(&context, secret.size(), secret.data());
  hkdf_expand(&context, reinterpret_cast<nettle_hash_update_func*>(hmac_sha256_update),
              reinterpret_cast<nettle_hash_digest_func*>(hmac_sha256_digest), SHA256_DIGEST_SIZE, size, info.data(),
              out.size(), out.data());
}

}  // namespace

const QuicVersion* quic_version(std::uint32_t number) {
  const auto* const found = std::ranges::find(kVersions, number, &QuicVersion::number);
  return found == kVersions.end() ? nullptr : found;
}

QuicKeys quic_keys(const QuicVersion& version, const Cursor& connection_id, bool of_client) {
  hmac_sha256_ctx context;
  hmac_sha256_set_key(&context, version.salt.size(), version.salt.data());
  Secret initial;
  hkdf_extract(&context, reinterpret_cast<nettle_hash_update_func*>(hmac_sha256_update),
               reinterpret_cast<nettle_hash_digest_func*>(hmac_sha256_digest), SHA256_DIGEST_SIZE,
               connection_id.captured(), connection_id.data(), initial.data());
  Secret secret;
  expand(initial, "", of_client ? "client in" : "server in", secret);
  QuicKeys keys{};
  expand(secret, version.label_start, "key", keys.key);
  expand(secret, version.label_start, "iv", keys.iv);
  expand(secret, version.label_start, "hp", keys.header_key);
  return keys;
}

Cursor open_quic_packet(const QuicKeys& keys, const Cursor& packet, std::size_t number_at,
                        std::span<std::uint8_t> out) {
  constexpr std::size_t kSampleAfter = 4;  // octets between the start of the packet number and the sample
  constexpr std::uint8_t kProtectedBits = 0x0f;
  constexpr std::size_t kTag = GCM_DIGEST_SIZE;
  const std::size_t size = packet.captured();
  if (size > out.size() || !packet.has(number_at + kSampleAfter + AES_BLOCK_SIZE)) return {};

  aes128_ctx header_context;
  aes128_set_encrypt_key(&header_context, keys.header_key.data());
  std::array<std::uint8_t, AES_BLOCK_SIZE> mask;
  aes128_encrypt(&header_context, mask.size(), mask.data(), packet.data() + number_at + kSampleAfter);
  std::memcpy(out.data(), packet.data(), number_at + kSampleAfter);
  out[0] ^= mask[0] & kProtectedBits;
  const std::size_t number_octets = (out[0] & 3U) + 1;
  const std::size_t payload_at = number_at + number_octets;
  if (size < payload_at + kTag) return {};
  // The nonce is the packet number on top of the IV. The number of an Initial packet is small, so it is complete.
  std::array<std::uint8_t, GCM_IV_SIZE> nonce = keys.iv;
  for (std::size_t i = 0; i < number_octets; ++i) {
    out[number_at + i] ^= mask[1 + i];
    nonce[nonce.size() - number_octets + i] ^= out[number_at + i];
  }

  gcm_aes128_ctx context;
  gcm_aes128_set_key(&context, keys.key.data());
  gcm_aes128_set_iv(&context, nonce.size(), nonce.data());
  gcm_aes128_update(&context, payload_at, out.data());
  const std::size_t payload = size - payload_at - kTag;
  gcm_aes128_decrypt(&context, payload, out.data() + payload_at, packet.data() + payload_at);
  std::array<std::uint8_t, kTag> tag;
  gcm_aes128_digest(&context, tag.size(), tag.data());
  if (memeql_sec(tag.data(), packet.data() + payload_at + payload, tag.size()) == 0) return {};
  const auto octets = static_cast<std::uint32_t>(payload);
  return {out.data() + payload_at, octets, octets};
}

}  // namespace spanflow

// Makes Initial packets of QUIC (RFC 9000, RFC 9001).
#pragma once

#include <nettle/aes.h>
#include <nettle/gcm.h>

#include <string>

#include "inspect/quic_keys.h"
#include "inspect/vectors.h"
#include "support/tls_octets.h"

namespace spanflow::testing {

// A number of two octets in QUIC's encoding.
inline std::string varint(std::size_t number) { return be16(0x4000 | number); }

inline std::string crypto_frame(std::size_t offset, const std::string& octets) {
  return be8(6) + varint(offset) + varint(octets.size()) + octets;
}

inline std::string be32(std::size_t number) { return be16(number >> 16) + be16(number & 0xffff); }

// The start of a long header. `type` is the type of version 1.
inline std::string long_header(const QuicVersion& version, unsigned type, const std::string& receiver,
                               const std::string& sender) {
  return be8(0xc1 | ((type + version.initial_type) & 3) << 4) + be32(version.number) + sized8(receiver) +
         sized8(sender);
}

struct InitialParts {
  const QuicVersion* version = quic_version(1);
  std::string original = "original";  // the connection id that the keys come from
  bool from_client = true;
  std::string receiver = "original";
  std::string sender = "sender";
  std::string token;
  std::size_t number = 0;
};

// Returns a protected packet with these frames. The packet number has two octets.
inline std::string initial_packet(const InitialParts& parts, std::string frames) {
  frames.resize(std::max<std::size_t>(frames.size(), 20), '\0');  // PADDING, so that there is a sample
  std::string header = long_header(*parts.version, 0, parts.receiver, parts.sender) + varint(parts.token.size()) +
                       parts.token + varint(2 + frames.size() + GCM_DIGEST_SIZE);
  const std::size_t number_at = header.size();
  header += be16(parts.number);
  const QuicKeys keys = quic_keys(*parts.version, cursor_of(parts.original), parts.from_client);

  const auto octets = [](std::string& text) { return reinterpret_cast<std::uint8_t*>(text.data()); };
  auto nonce = keys.iv;
  nonce[10] ^= static_cast<std::uint8_t>(parts.number >> 8);
  nonce[11] ^= static_cast<std::uint8_t>(parts.number);
  gcm_aes128_ctx context;
  gcm_aes128_set_key(&context, keys.key.data());
  gcm_aes128_set_iv(&context, nonce.size(), nonce.data());
  gcm_aes128_update(&context, header.size(), octets(header));
  gcm_aes128_encrypt(&context, frames.size(), octets(frames), octets(frames));
  std::string tag(GCM_DIGEST_SIZE, '\0');
  gcm_aes128_digest(&context, tag.size(), octets(tag));

  std::string packet = header + frames + tag;
  aes128_ctx header_context;
  aes128_set_encrypt_key(&header_context, keys.header_key.data());
  std::array<std::uint8_t, AES_BLOCK_SIZE> mask;
  aes128_encrypt(&header_context, mask.size(), mask.data(), octets(packet) + number_at + 4);
  octets(packet)[0] ^= mask[0] & 0x0f;
  octets(packet)[number_at] ^= mask[1];
  octets(packet)[number_at + 1] ^= mask[2];
  return packet;
}

}  // namespace spanflow::testing

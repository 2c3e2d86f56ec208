#include "inspect/server_hello.h"

#include <algorithm>
#include <array>

#include "inspect/vectors.h"

namespace spanflow {
namespace {

// The random of a HelloRetryRequest (RFC 8446, section 4.1.3).
constexpr std::array<std::uint8_t, kHelloRandom> kRetryRandom = {
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

void read_extension(const HelloExtension& extension, ServerHello& hello) {
  Cursor content = extension.content;
  switch (extension.type) {
    case extension_types::kAlpn:
      hello.alpn = NameReader(only16(content).value_or(Cursor{})).next().value_or(std::string_view{});
      break;
    case extension_types::kSupportedVersions:
      hello.version = take_be16(content).value_or(hello.version);
      break;
    case extension_types::kPreSharedKey:
      hello.accepts_psk = true;
      break;
    case extension_types::kEncryptedClientHello:
      hello.accepts_ech = hello.asks_for_retry;
      break;
    default:
      break;
  }
}

}  // namespace

std::optional<ServerHello> parse_server_hello(Cursor body) {
  const auto version = take_be16(body);
  const auto random = take(body, kRetryRandom.size());
  const auto session_id = take8(body);
  const auto cipher = take_be16(body);
  const auto compression = take_u8(body);
  if (!version || !random || !session_id || session_id->captured() > kMostSessionId || !cipher || !compression) {
    return std::nullopt;
  }
  ServerHello hello{.legacy_version = *version, .version = *version, .cipher = *cipher};
  hello.asks_for_retry = std::equal(kRetryRandom.begin(), kRetryRandom.end(), random->data());
  const auto read = [&hello](const HelloExtension& extension) { read_extension(extension, hello); };
  return read_extensions(body, hello.extensions, read) ? std::optional(hello) : std::nullopt;
}

}  // namespace spanflow

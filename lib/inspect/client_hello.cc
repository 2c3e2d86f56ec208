#include "inspect/client_hello.h"

namespace spanflow {
namespace {

bool is_version_of(HelloTransport transport, std::uint16_t version) {
  constexpr std::uint8_t kTlsMajor = 3;  // in SSL 3.0 and in every version of TLS
  constexpr std::uint8_t kDtlsMajor = 0xfe;
  return version >> 8 == (transport == HelloTransport::kDtls ? kDtlsMajor : kTlsMajor);
}

// Returns an empty list if `octets` is absent or has an odd length.
NumberList numbers(const std::optional<Cursor>& octets) {
  return octets && octets->captured() % 2 == 0 ? NumberList(*octets) : NumberList();
}

// Returns the first name of the type host_name (RFC 6066, section 3), or an empty text if there is none.
std::string_view host_name(const Cursor& extension) {
  constexpr std::uint8_t kHostName = 0;
  auto names = only16(extension);
  while (names) {
    const auto type = take(*names, 1);
    const auto name = take16(*names);
    if (!type || !name) break;
    if (type->u8(0) == kHostName) return text_of(*name);
  }
  return {};
}

// Returns the config_id of an outer hello (RFC 9849, section 5): it follows the type and the two numbers of the cipher
// suite.
std::optional<std::uint8_t> ech_config_id(Cursor content) {
  constexpr std::uint8_t kOuter = 0;
  const auto type = take_u8(content);
  const auto suite = take_be32(content);
  const auto config_id = take_u8(content);
  return type && suite && *type == kOuter ? config_id : std::nullopt;
}

// RFC 8446, section 4.2, forbids two extensions of one type. If a client sends two, the last one counts.
void read_extension(const HelloExtension& extension, ClientHello& hello) {
  switch (extension.type) {
    case extension_types::kServerName:
      hello.server_name = host_name(extension.content);
      break;
    case extension_types::kSignatureAlgorithms:
      hello.signature_algorithms = numbers(only16(extension.content));
      break;
    case extension_types::kAlpn:
      hello.alpn = NameReader(only16(extension.content).value_or(Cursor{}));
      break;
    case extension_types::kSupportedVersions:
      hello.supported_versions = numbers(only8(extension.content));
      break;
    case extension_types::kSupportedGroups:
      hello.groups = numbers(only16(extension.content));
      break;
    case extension_types::kPointFormats:
      hello.point_formats = only8(extension.content).value_or(Cursor{});
      break;
    case extension_types::kEncryptedClientHello:
      hello.has_ech = true;
      hello.ech_config_id = ech_config_id(extension.content);
      break;
    default:
      break;
  }
}

}  // namespace

std::optional<HelloExtension> ExtensionReader::next() {
  Cursor rest = rest_;
  const auto type = take(rest, 2);
  const auto content = take16(rest);
  if (!type || !content) return std::nullopt;
  rest_ = rest;
  return HelloExtension{type->be16(0), *content};
}

std::optional<std::string_view> NameReader::next() {
  const auto name = take8(rest_);
  return name ? std::optional{text_of(*name)} : std::nullopt;
}

std::optional<ClientHello> parse_client_hello(Cursor body, HelloTransport transport) {
  const auto version = take_be16(body);
  const auto random = take(body, kHelloRandom);
  const auto session_id = take8(body);
  const auto cookie = transport == HelloTransport::kDtls ? take8(body) : Cursor{};
  const auto ciphers = take16(body);
  const auto compression = take8(body);
  if (!version || !is_version_of(transport, *version) || !random || !cookie) return std::nullopt;
  if (!session_id || session_id->captured() > kMostSessionId) return std::nullopt;
  if (!ciphers || ciphers->captured() % 2 != 0 || !compression || compression->captured() == 0) return std::nullopt;
  ClientHello hello{.transport = transport, .legacy_version = *version, .ciphers = NumberList(*ciphers)};
  const auto read = [&hello](const HelloExtension& extension) { read_extension(extension, hello); };
  return read_extensions(body, hello.extensions, read) ? std::optional(hello) : std::nullopt;
}

}  // namespace spanflow

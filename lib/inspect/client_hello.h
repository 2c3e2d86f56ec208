// Reads the first message of a TLS client, the ClientHello (RFC 8446, section 4.1.2; for DTLS RFC 9147, section 5.3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "decode/cursor.h"
#include "inspect/vectors.h"

namespace spanflow {

// True for a GREASE value. Clients send these reserved values at random, so that servers learn to ignore unknown values
// (RFC 8701).
constexpr bool is_grease(std::uint16_t value) { return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff); }

// True for a name of an application protocol that stands for a GREASE value.
constexpr bool is_grease_name(std::string_view name) {
  return name.size() == 2 && name[0] == name[1] && (static_cast<unsigned char>(name[0]) & 0x0f) == 0x0a;
}

// IANA's numbers of the extension types that this program reads.
namespace extension_types {
inline constexpr std::uint16_t kServerName = 0;
inline constexpr std::uint16_t kSupportedGroups = 10;
inline constexpr std::uint16_t kPointFormats = 11;
inline constexpr std::uint16_t kSignatureAlgorithms = 13;
inline constexpr std::uint16_t kAlpn = 16;
inline constexpr std::uint16_t kPreSharedKey = 41;
inline constexpr std::uint16_t kSupportedVersions = 43;
inline constexpr std::uint16_t kEncryptedClientHello = 0xfe0d;  // RFC 9849
}  // namespace extension_types

// A list of 16-bit numbers. It is a view into the message.
class NumberList {
 public:
  NumberList() = default;
  explicit NumberList(const Cursor& octets) : octets_(octets) {}

  std::size_t size() const { return octets_.captured() / 2; }
  std::uint16_t operator[](std::size_t index) const { return octets_.be16(2 * index); }

 private:
  Cursor octets_;
};

struct HelloExtension {
  std::uint16_t type;
  Cursor content;
};

// Iterates over extensions in the order of the message. A copy of the reader has its own position.
class ExtensionReader {
 public:
  ExtensionReader() = default;
  explicit ExtensionReader(const Cursor& octets) : rest_(octets) {}

  // Returns the next extension. Returns nullopt at the end, where at_end() is true, and if the remaining octets are not
  // an extension.
  std::optional<HelloExtension> next();
  bool at_end() const { return rest_.captured() == 0; }
  // The extensions that are left are at most so many, because each has a type and a length.
  std::size_t most() const { return rest_.captured() / 4; }

 private:
  Cursor rest_;
};

// Reads the extensions at the end of a hello: `all` becomes the reader of them, and `read` gets each of them. Returns
// false if they are malformed. An empty `body` is valid, because hellos of SSL 3.0 and TLS 1.0 may omit the extensions.
template <typename Read>
bool read_extensions(const Cursor& body, ExtensionReader& all, Read read) {
  if (body.captured() == 0) return true;
  const auto block = only16(body);
  if (!block) return false;
  all = ExtensionReader(*block);
  ExtensionReader reader = all;
  while (const auto extension = reader.next()) read(*extension);
  return reader.at_end();
}

// Iterates over a list of names. Each name is preceded by its length in one octet.
class NameReader {
 public:
  NameReader() = default;
  explicit NameReader(const Cursor& octets) : rest_(octets) {}

  // Returns the next name. Returns nullopt at the end, or if the remaining octets are not a name.
  std::optional<std::string_view> next();

 private:
  Cursor rest_;
};

inline constexpr std::size_t kHelloRandom = 32;    // octets
inline constexpr std::size_t kMostSessionId = 32;  // octets

// The protocol that carries the hello. JA4 begins with the letter of the protocol.
enum class HelloTransport : std::uint8_t { kTls, kQuic, kDtls };

// The members are views into the octets from which the hello was read. The lists still contain GREASE values. If an
// extension is absent or malformed, its list is empty.
struct ClientHello {
  HelloTransport transport = HelloTransport::kTls;
  std::uint16_t legacy_version = 0;
  NumberList ciphers;
  ExtensionReader extensions;
  // No value if the extension is absent; an empty text if the extension contains no valid name.
  std::optional<std::string_view> server_name;
  NameReader alpn;
  NumberList signature_algorithms;
  NumberList supported_versions;
  NumberList groups;
  Cursor point_formats;  // one octet each
  bool has_ech = false;  // true: Encrypted Client Hello, or GREASE in its place
  std::optional<std::uint8_t> ech_config_id;
};

// Returns the hello in the body of a handshake message. Returns nullopt unless every field is valid and the fields fill
// the body exactly. The result is valid until the octets of `body` change.
std::optional<ClientHello> parse_client_hello(Cursor body, HelloTransport transport);

}  // namespace spanflow

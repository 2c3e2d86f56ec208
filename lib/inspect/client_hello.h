// Reads the first message of a TLS client, the ClientHello (RFC 8446, section 4.1.2). A message in one record is not
// copied.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "decode/cursor.h"

namespace spanflow {

// True for a GREASE value. Clients send these reserved values at random, so that servers learn to ignore unknown values
// (RFC 8701).
constexpr bool is_grease(std::uint16_t value) { return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff); }

// IANA's numbers of the extension types that this program reads.
namespace extension_types {
inline constexpr std::uint16_t kServerName = 0;
inline constexpr std::uint16_t kSignatureAlgorithms = 13;
inline constexpr std::uint16_t kAlpn = 16;
inline constexpr std::uint16_t kSupportedVersions = 43;
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

 private:
  Cursor rest_;
};

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

// The members are views into the octets from which the hello was read. The lists still contain GREASE values. If an
// extension is absent or malformed, its list is empty.
struct ClientHello {
  // Greatest length of a domain name in octets (RFC 1035). A longer server name is cut.
  static constexpr std::size_t kMostServerName = 255;

  std::uint16_t legacy_version = 0;
  NumberList ciphers;
  ExtensionReader extensions;
  // No value if the extension is absent; an empty text if the extension contains no valid name.
  std::optional<std::string_view> server_name;
  NameReader alpn;
  NumberList signature_algorithms;
  NumberList supported_versions;
};

enum class HelloVerdict : std::uint8_t {
  kNeedMore,  // the octets may be the start of a ClientHello
  kNo,        // the octets are not a ClientHello
  kYes,       // the ClientHello is complete
};

struct HelloRead {
  HelloVerdict verdict;
  ClientHello hello;  // valid only if `verdict` is kYes
};

// Greatest size of a ClientHello in octets, with its handshake header. A longer message gives kNo. A usual hello has a
// few hundred octets, or two thousand with a post-quantum key share.
inline constexpr std::size_t kMostHelloOctets = 1 << 14;
using HelloRoom = std::array<std::uint8_t, kMostHelloOctets>;

// Reads a ClientHello. `stream` begins with the first octet that a TLS client sends, and consists of one or more
// handshake records. A message in several records is reassembled in `room`. The result is valid until the octets of
// `stream` or the content of `room` change.
HelloRead read_client_hello(Cursor stream, HelloRoom& room);

}  // namespace spanflow

// The first message of a TLS client (RFC 8446, section 4.1.2), read where it lies.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "decode/cursor.h"

namespace spanflow {

// RFC 8701: values that clients make up so that servers do not come to rely on a fixed set.
constexpr bool is_grease(std::uint16_t value) { return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff); }

// IANA's ExtensionType values, of those that are read.
namespace extension_types {
inline constexpr std::uint16_t kServerName = 0;
inline constexpr std::uint16_t kSignatureAlgorithms = 13;
inline constexpr std::uint16_t kAlpn = 16;
inline constexpr std::uint16_t kSupportedVersions = 43;
}  // namespace extension_types

// A list of 16-bit numbers, as it lies in the message.
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

// Walks over extensions, in the order of the message. A copy walks on its own.
class ExtensionReader {
 public:
  ExtensionReader() = default;
  explicit ExtensionReader(const Cursor& octets) : rest_(octets) {}

  // Nothing at the end, or where what is left is no extension.
  std::optional<HelloExtension> next();
  bool at_end() const { return rest_.captured() == 0; }

 private:
  Cursor rest_;
};

// Walks over a list of names, each behind its length in one octet.
class NameReader {
 public:
  NameReader() = default;
  explicit NameReader(const Cursor& octets) : rest_(octets) {}

  std::optional<std::string_view> next();

 private:
  Cursor rest_;
};

// Views of the octets that it was read from. GREASE is still in all the lists. An extension that is absent, or whose
// content is not what it should be, leaves its member empty.
struct ClientHello {
  static constexpr std::size_t kMostServerName = 255;  // octets of a domain name, RFC 1035; more of it is cut off

  std::uint16_t legacy_version = 0;
  NumberList ciphers;
  ExtensionReader extensions;
  std::optional<std::string_view> server_name;  // empty if the extension names none
  NameReader alpn;
  NumberList signature_algorithms;
  NumberList supported_versions;
};

enum class HelloVerdict : std::uint8_t {
  kNeedMore,  // so far it is one
  kNo,
  kYes,
};

struct HelloRead {
  HelloVerdict verdict;
  ClientHello hello;  // of kYes
};

// Real ones have a few hundred octets, or two thousand with a post-quantum key share. A longer one is none.
inline constexpr std::size_t kMostHelloOctets = 1 << 14;
using HelloRoom = std::array<std::uint8_t, kMostHelloOctets>;

// Reads the start of a client's TLS stream: one or several records of the handshake. A message that lies in several is
// put together in `room`. What is read is valid as long as both.
HelloRead read_client_hello(Cursor stream, HelloRoom& room);

}  // namespace spanflow

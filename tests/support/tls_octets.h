// Builds TLS messages in their wire format.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace spanflow::testing {

inline std::string be8(std::size_t value) { return std::string(1, static_cast<char>(value)); }
inline std::string be16(std::size_t value) { return be8(value >> 8) + be8(value); }
inline std::string be24(std::size_t value) { return be8(value >> 16) + be16(value); }

// sized8() and sized16() return a vector as RFC 8446 defines it: the length in 8 or 16 bits, then the value.
inline std::string sized8(const std::string& value) { return be8(value.size()) + value; }
inline std::string sized16(const std::string& value) { return be16(value.size()) + value; }
inline std::string extension(std::uint16_t type, const std::string& content) { return be16(type) + sized16(content); }

inline std::string server_name_extension(const std::string& name) {
  return extension(0, sized16(be8(0) + sized16(name)));
}

inline std::string handshake_message(std::uint8_t type, const std::string& body) {
  return be8(type) + be24(body.size()) + body;
}

// A ClientHello whose parts a test can set. The defaults are the values of a TLS 1.2 client.
struct HelloParts {
  std::size_t version = 0x0303;
  std::string session_id = std::string(32, 'S');
  std::string ciphers = be16(0x1301) + be16(0xc02f);
  std::string compression = be8(0);
  std::string extensions;

  std::string body() const {
    return be16(version) + std::string(32, 'R') + sized8(session_id) + sized16(ciphers) + sized8(compression) +
           sized16(extensions);
  }
  std::string message() const { return handshake_message(1, body()); }
};

// Splits the message into TLS records. Each record has at most `most` octets of the message.
inline std::string tls_records(std::string_view message, std::size_t most = 1 << 14) {
  std::string records;
  for (; !message.empty(); message = message.substr(std::min(most, message.size()))) {
    records += be8(22) + be16(0x0301) + sized16(std::string(message.substr(0, most)));
  }
  return records;
}

}  // namespace spanflow::testing

// Finds the handshake messages in a stream of TLS records (RFC 8446, sections 4 and 5.1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "decode/cursor.h"

namespace spanflow {

// Greatest size of a handshake message in octets, with its header. A usual ClientHello has a few hundred octets, or two
// thousand with a post-quantum key share; a usual chain of certificates has four thousand.
inline constexpr std::size_t kMostMessage = 1 << 14;
using MessageRoom = std::array<std::uint8_t, kMostMessage>;

namespace handshake_types {
inline constexpr std::uint8_t kClientHello = 1;
inline constexpr std::uint8_t kServerHello = 2;
inline constexpr std::uint8_t kHelloVerifyRequest = 3;
inline constexpr std::uint8_t kCertificate = 11;
inline constexpr std::uint8_t kServerHelloDone = 14;
}  // namespace handshake_types

namespace record_types {
inline constexpr std::uint8_t kChangeCipherSpec = 20;
inline constexpr std::uint8_t kAlert = 21;
inline constexpr std::uint8_t kHandshake = 22;
}  // namespace record_types

struct TlsItem {
  enum class Kind : std::uint8_t {
    kMessage,  // a handshake message: `type` is its type and `body` its body
    kPart,     // a handshake message whose end is missing: `body` has the octets that are there
    kRecord,   // a record of another type, which is `type`
    kNeedMore,
    kDamaged,  // what follows is not a TLS record, or a message is too long
  };
  Kind kind;
  std::uint8_t type = 0;
  Cursor body;
};

// Iterates over the items of a stream. A message in one record is not copied. A message in several records is joined in
// `room`, so the item is valid until the next call of next().
class TlsItems {
 public:
  // `stream` must begin with a record.
  TlsItems(Cursor stream, MessageRoom& room) : stream_(stream), room_(room) {}

  TlsItem next();

 private:
  TlsItem next_record();
  TlsItem message_of(Cursor& content) const;
  bool join(const Cursor& content);

  Cursor stream_;     // the records after the current one
  Cursor content_;    // the rest of the content of the current record, or of the records joined so far
  bool cut_ = false;  // true: the end of the current record is missing
  MessageRoom& room_;
};

// Tells whether a stream begins with a hello: a handshake record that begins with a message of one of the two types. A
// server may send an alert before it: a warning that it does not know the server name.
enum class StartsWith : std::uint8_t { kNo, kNeedMore, kYes };
StartsWith starts_with_hello(const Cursor& stream);

}  // namespace spanflow

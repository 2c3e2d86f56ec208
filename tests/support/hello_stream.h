// Reads a ClientHello at the start of a stream of TLS records.
#pragma once

#include "inspect/client_hello.h"
#include "inspect/tls_records.h"

namespace spanflow::testing {

enum class HelloVerdict {
  kNeedMore,  // the octets may be the start of a ClientHello
  kNo,        // the octets are not a ClientHello
  kYes,       // the ClientHello is complete
};

struct HelloRead {
  HelloVerdict verdict;
  ClientHello hello;  // valid only if `verdict` is kYes
};

inline HelloRead read_client_hello(const Cursor& stream, MessageRoom& room) {
  if (stream.captured() == 0) return {HelloVerdict::kNeedMore, {}};
  const StartsWith starts = starts_with_hello(stream);
  if (starts == StartsWith::kNo) return {HelloVerdict::kNo, {}};
  if (starts == StartsWith::kNeedMore) return {HelloVerdict::kNeedMore, {}};
  const TlsItem item = TlsItems(stream, room).next();
  if (item.kind == TlsItem::Kind::kPart || item.kind == TlsItem::Kind::kNeedMore) return {HelloVerdict::kNeedMore, {}};
  if (item.kind != TlsItem::Kind::kMessage || item.type != handshake_types::kClientHello) {
    return {HelloVerdict::kNo, {}};
  }
  const auto hello = parse_client_hello(item.body, HelloTransport::kTls);
  return hello ? HelloRead{HelloVerdict::kYes, *hello} : HelloRead{HelloVerdict::kNo, {}};
}

}  // namespace spanflow::testing

#include "inspect/tls.h"

namespace spanflow {
namespace {

struct TlsPhase {
  enum : std::uint8_t { kHello, kAfterHello, kAfterRetry };
};

ReadStep read_client_message(const TlsItem& item, const Reading& reading) {
  const auto hello = parse_client_hello(item.body, HelloTransport::kTls);
  if (hello) reading.work.tls.note(*hello, reading.findings());
  return ReadStep::done();
}

// Reads a ServerHello. A HelloRetryRequest is followed by the real one, which tells whether the session is resumed.
ReadStep read_server_hello(const TlsItem& item, const Reading& reading) {
  const auto hello = parse_server_hello(item.body);
  if (!hello) return ReadStep::done();
  reading.work.tls.note(*hello, reading.findings());
  reading.side.phase = hello->asks_for_retry ? TlsPhase::kAfterRetry : TlsPhase::kAfterHello;
  if (hello->asks_for_retry || !encrypts_certificate(hello->version)) return ReadStep::need_more();
  TlsFindings::note_resumption(hello->accepts_psk, reading.findings());
  return ReadStep::done();
}

// Reads what follows the ServerHello of TLS 1.2 or earlier. A resumed session has no certificate: the server changes to
// encryption at once, perhaps after a new ticket.
ReadStep read_after_hello(const TlsItem& item, const Reading& reading) {
  if (item.kind == TlsItem::Kind::kRecord) {
    if (item.type == record_types::kChangeCipherSpec) TlsFindings::note_resumption(true, reading.findings());
    return ReadStep::done();
  }
  if (item.type == handshake_types::kServerHelloDone) {
    TlsFindings::note_resumption(false, reading.findings());
    return ReadStep::done();
  }
  if (item.type != handshake_types::kCertificate) return ReadStep::need_more();
  const bool whole = reading.work.tls.note_certificates(item.body, reading.findings());
  if (!whole && item.kind == TlsItem::Kind::kPart) return ReadStep::need_more();
  TlsFindings::note_resumption(false, reading.findings());
  return ReadStep::done();
}

// Returns a step with kNeedMore if the next item is to be read too. `hellos` is the number of ServerHellos before the
// item.
ReadStep read_item(const TlsItem& item, int hellos, const Reading& reading) {
  const bool is_message = item.kind == TlsItem::Kind::kMessage;
  if (is_message && reading.side.phase == TlsPhase::kHello && item.type == handshake_types::kClientHello) {
    return read_client_message(item, reading);
  }
  if (is_message && item.type == handshake_types::kServerHello) {
    const bool was_read = hellos < (reading.side.phase == TlsPhase::kHello ? 0 : 1);
    return was_read ? ReadStep::need_more() : read_server_hello(item, reading);
  }
  if (reading.side.phase == TlsPhase::kHello) {
    const bool is_alert = item.kind == TlsItem::Kind::kRecord && item.type == record_types::kAlert;
    return is_alert ? ReadStep::need_more() : ReadStep::done();
  }
  if (hellos == 0) return ReadStep::need_more();  // an alert, seen again
  // Between a HelloRetryRequest and the real hello, a server may change the cipher for old middleboxes.
  if (reading.side.phase == TlsPhase::kAfterRetry) return ReadStep::need_more();
  return read_after_hello(item, reading);
}

}  // namespace

// Reads the octets from the first record again whenever there are more, because messages need not end where records do.
ReadStep read_tls(const Reading& reading) {
  TlsItems items(reading.octets, reading.work.room);
  for (int hellos = 0;;) {
    const TlsItem item = items.next();
    if (item.kind == TlsItem::Kind::kNeedMore) return ReadStep::need_more();
    if (item.kind == TlsItem::Kind::kDamaged) return ReadStep::done();
    const bool is_certificate = item.type == handshake_types::kCertificate;
    if (item.kind == TlsItem::Kind::kPart && !is_certificate) return ReadStep::need_more();
    const ReadStep step = read_item(item, hellos, reading);
    hellos += item.type == handshake_types::kServerHello ? 1 : 0;
    if (step.next == ReadStep::Next::kDone || item.kind == TlsItem::Kind::kPart) return step;
  }
}

}  // namespace spanflow

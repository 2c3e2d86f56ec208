#include "inspect/inspector.h"

#include <algorithm>
#include <string_view>

#include "inspect/dns.h"
#include "inspect/encrypted_dns.h"
#include "inspect/http1.h"
#include "inspect/http2.h"
#include "inspect/ssh.h"
#include "inspect/tls.h"
#include "inspect/wrappings.h"

namespace spanflow {
namespace {

// A session has 256 octets and a buffer 16 KiB. Those that were never used take no memory.
constexpr std::uint32_t kSessions = InspectionState::kMostSessions;
constexpr std::uint32_t kBuffers = 1024;

// --- The table of readers of TCP ---

struct TcpReaderRow {
  TcpReader id;
  PayloadReader option;  // the name under which the configuration knows it
  StartsWith (*starts_with)(const Reading& reading);
  ReadStep (*read)(const Reading& reading);
};

StartsWith dns_over_tcp(const Reading& reading) {
  return dns_protocol_of(reading.sender) == "dns" ? StartsWith::kYes : StartsWith::kNo;
}

constexpr std::array kTcpReaders = {
    TcpReaderRow{TcpReader::kTls, PayloadReader::kTls, [](const Reading& r) { return starts_with_hello(r.octets); },
                 read_tls},
    TcpReaderRow{TcpReader::kHttpRequests, PayloadReader::kHttp,
                 [](const Reading& r) { return starts_with_http_request(r.octets); }, read_http_requests},
    TcpReaderRow{TcpReader::kHttpResponse, PayloadReader::kHttp,
                 [](const Reading& r) { return starts_with_http_response(r.octets); }, read_http_response},
    TcpReaderRow{TcpReader::kHttp2, PayloadReader::kHttp,
                 [](const Reading& r) { return starts_with_http2(r.octets, r.from_client); }, read_http2},
    TcpReaderRow{TcpReader::kSsh, PayloadReader::kSsh, [](const Reading& r) { return starts_with_ssh(r.octets); },
                 read_ssh},
    TcpReaderRow{TcpReader::kDns, PayloadReader::kDns, dns_over_tcp, read_dns_over_tcp},
};

const TcpReaderRow& row_of(TcpReader reader) { return *std::ranges::find(kTcpReaders, reader, &TcpReaderRow::id); }

// The sources of keys: what the readers find.
struct ReaderKeys {
  PayloadReader reader;
  MetadataSet keys;
};
constexpr std::array kReaderKeys = {
    ReaderKeys{PayloadReader::kTls,
               {Metadata::kTlsServerName, Metadata::kTlsAlpn, Metadata::kTlsVersions, Metadata::kJa3Client,
                Metadata::kJa4, Metadata::kTlsEch, Metadata::kTlsEchConfigId, Metadata::kTlsVersion,
                Metadata::kTlsCipher, Metadata::kTlsAlpnChosen, Metadata::kJa3Server, Metadata::kTlsResumed,
                Metadata::kTlsIssuer, Metadata::kTlsSubject, Metadata::kTlsNames, Metadata::kTlsNotBefore,
                Metadata::kTlsNotAfter, Metadata::kTlsSerial, Metadata::kTlsSha256}},
    ReaderKeys{PayloadReader::kQuic, {Metadata::kQuicVersion}},
    ReaderKeys{PayloadReader::kDns,
               {Metadata::kDnsQuery, Metadata::kDnsQueryType, Metadata::kDnsReplyCode, Metadata::kDnsFlags,
                Metadata::kDnsAnswer, Metadata::kDnsAnswers, Metadata::kDnsLeastTtl, Metadata::kDnsResponse,
                Metadata::kDnsTransactions, Metadata::kDnsFailedQuery, Metadata::kDnsFailedCode, Metadata::kDnsOpen}},
    ReaderKeys{PayloadReader::kHttp,
               {Metadata::kHttpMethod, Metadata::kHttpHost, Metadata::kHttpUrl, Metadata::kHttpVersion,
                Metadata::kHttpStatus, Metadata::kHttpRequests, Metadata::kUserAgent, Metadata::kContentType}},
    ReaderKeys{PayloadReader::kSsh,
               {Metadata::kSshClient, Metadata::kSshServer, Metadata::kHasshClient, Metadata::kHasshServer}},
};

// --- Packets ---

// Returns the sequence number of the first octet of the payload. In a SYN with payload (RFC 7413), the SYN itself takes
// one sequence number before the payload.
std::uint32_t payload_sequence(const Packet& packet) {
  return packet.tcp_seq + ((packet.tcp_flags & tcp::kSyn) != 0 ? 1 : 0);
}

// True if the client has sent the packet. If no SYN tells, the client is the side with the greater port.
bool is_from_client(const InspectedFlow& flow, const Packet& packet) {
  switch (flow.opened_by) {
    case BiflowDirection::kInitiator:
      return packet.direction == Direction::kSrcToDst;
    case BiflowDirection::kReverseInitiator:
      return packet.direction == Direction::kDstToSrc;
    case BiflowDirection::kArbitrary:
      break;
  }
  if (packet.key.src_port != packet.key.dst_port) return packet.key.src_port > packet.key.dst_port;
  return packet.direction == Direction::kSrcToDst;
}

// True for a message after which DTLS may begin on the same ports: of STUN in WebRTC (RFC 8489), or of CAPWAP, which
// finds its controller first (RFC 5415).
bool may_precede_dtls(const Cursor& datagram, const FlowKey& key) {
  constexpr std::uint32_t kMagicCookie = 0x2112a442;
  constexpr std::size_t kCookieAt = 4;
  constexpr std::uint16_t kCapwapControl = 5246;
  if (!datagram.has(kCookieAt + 4)) return false;
  const bool is_stun = datagram.u8(0) < 4 && datagram.be32(kCookieAt) == kMagicCookie;
  const bool is_capwap = datagram.u8(0) == 0 && (key.src_port == kCapwapControl || key.dst_port == kCapwapControl);
  return is_stun || is_capwap;
}

}  // namespace

Inspector::Inspector(ReaderSet readers, MetadataStore& store, NameCache* names, Counters& counters)
    : readers_(readers),
      counters_(counters),
      names_(names),
      work_(std::make_unique<Workspace>(store, names, counters)),
      sessions_(kSessions),
      buffers_(kBuffers) {}

MetadataSet Inspector::keys_of(ReaderSet readers) {
  MetadataSet keys;
  for (const ReaderKeys& row : kReaderKeys) {
    if (readers.has(row.reader)) keys.add(row.keys);
  }
  return keys;
}

void Inspector::inspect(const InspectedFlow& flow, const Packet& packet) {
  if (packet.later_fragment) return;
  work_->findings.open(flow.index);
  if (packet.key.ip_protocol == protocol::kTcp) {
    read_tcp(flow, packet);
  } else if (packet.key.ip_protocol == protocol::kUdp) {
    read_udp(flow, packet);
  } else {
    flow.state.settle_both();
  }
  if (work_->tls.take_noted_hello()) {
    const bool from_client = is_from_client(flow, packet);
    note_encrypted_dns(from_client ? packet.key.dst_port : packet.key.src_port, packet.key.ip_protocol,
                       work_->findings);
  }
  work_->findings.close();
}

void Inspector::release(InspectionState& state) {
  if (state.session == 0) return;
  const std::uint32_t index = state.session - 1U;
  for (const Direction direction : {Direction::kSrcToDst, Direction::kDstToSrc}) {
    return_buffer(sessions_[index], direction);
  }
  sessions_.take_back(index);
  state.session = 0;
}

void Inspector::add_dns_name(std::uint32_t flow, const FlowKey& key, std::uint64_t start_ns, FlowMetadata& metadata) {
  if (names_ == nullptr || (metadata.keys & metadata_bit(Metadata::kDnsName)) != 0) return;
  constexpr MetadataSet kNames = {Metadata::kTlsServerName, Metadata::kHttpHost, Metadata::kDnsProtocol,
                                  Metadata::kServerName};
  const bool may_hide_name = (metadata.keys & metadata_bit(Metadata::kTlsEch)) != 0;
  if (kNames.has_any(metadata.keys) && !may_hide_name) return;
  counters_.add(Counter::kNamesLookedUp);
  NameCache::Name name;
  if (!names_->find({key.ip_src, key.ip_dst}, start_ns, name)) return;
  counters_.add(Counter::kNamesFound);
  counters_.observe(HistogramId::kNameAge, start_ns - name.answered_ns);
  work_->findings.open(flow);
  work_->findings.put(Metadata::kDnsName, name.view());
  work_->findings.close();
  put(metadata.octets, Metadata::kDnsName, name.view());
  metadata.keys |= metadata_bit(Metadata::kDnsName);
}

// --- TCP ---

void Inspector::read_tcp(const InspectedFlow& flow, const Packet& packet) {
  const Session* session = session_of(flow.state);
  TcpSide side = session == nullptr ? TcpSide{} : session->tcp[direction_index(packet.direction)];
  const std::uint32_t sequence = payload_sequence(packet);
  if (!side.has_begun) side.next = flow.syn_sequence ? *flow.syn_sequence + 1 : sequence;
  side.has_begun = true;
  const std::int64_t ahead = static_cast<std::int32_t>(sequence - side.next);
  Cursor payload = payload_of(packet);
  if (ahead + payload.wire() <= 0) return;  // old octets, or octets to pass over
  const bool is_cut = payload.captured() < payload.wire();
  Reading reading{.octets = {},
                  .is_last = is_cut,
                  .from_client = is_from_client(flow, packet),
                  .direction = packet.direction,
                  .sender = packet.key,
                  .time_ns = packet.time_ns,
                  .side = side,
                  .work = *work_};
  if (ahead > 0 || buffer_of(session, packet.direction) != nullptr) {
    return is_cut ? give_up(flow.state, packet.direction) : read_joined(flow, sequence, payload, reading);
  }
  const auto known = static_cast<std::size_t>(-ahead);
  if (!payload.has(known + 1)) return give_up(flow.state, packet.direction);
  payload.skip(known);
  read_next(flow, payload, reading);
}

// Reads the octets that the reader wants next. Most messages are in one packet, so nothing is copied.
void Inspector::read_next(const InspectedFlow& flow, Cursor payload, Reading& reading) {
  reading.octets = payload;
  const Progress progress = read_octets(reading);
  if (progress.is_done) return settle(flow.state, reading.direction);
  if (reading.is_last) return give_up(flow.state, reading.direction);
  keep(flow, reading);
  if (progress.octets >= payload.captured()) return;
  payload.skip(progress.octets);
  SegmentBuffer& buffer = borrow_buffer(flow.state, reading.direction, reading.side.next);
  if (!buffer.add(reading.side.next, payload)) give_up(flow.state, reading.direction);
}

// Adds octets to those that wait, or that came too early, and reads as many as are in order. If no more are in order
// than before, as after a retransmission, the reader would only find again that it needs more.
void Inspector::read_joined(const InspectedFlow& flow, std::uint32_t sequence, const Cursor& payload,
                            Reading& reading) {
  keep(flow, reading);
  SegmentBuffer* buffer = buffer_of(session_of(flow.state), reading.direction);
  if (buffer == nullptr) buffer = &borrow_buffer(flow.state, reading.direction, reading.side.next);
  const std::uint32_t known = buffer->stream().captured();
  const bool fits = buffer->add(sequence, payload);
  if (fits && buffer->stream().captured() == known) return;
  for (Progress progress{false, 1}; progress.octets > 0 && buffer->stream().captured() > 0;) {
    reading.octets = buffer->stream();
    reading.is_last = !fits || buffer->full();
    progress = read_octets(reading);
    if (progress.is_done) return settle(flow.state, reading.direction);
    buffer->drop(progress.octets);
  }
  if (!fits || buffer->full()) return give_up(flow.state, reading.direction);
  keep(flow, reading);
  if (buffer->empty()) return_buffer(*session_of(flow.state), reading.direction);
}

// Calls readers until the octets are read, or more are needed.
Inspector::Progress Inspector::read_octets(Reading& reading) const {
  Progress progress{false, 0};
  Cursor rest = reading.octets;
  while (rest.captured() > 0) {
    reading.octets = rest;
    const bool is_known = reading.side.reader != TcpReader::kNone;
    const ReadStep step = is_known ? row_of(reading.side.reader).read(reading) : detect(reading);
    if (step.next == ReadStep::Next::kDone) return {true, progress.octets};
    if (step.next == ReadStep::Next::kNeedMore) break;
    if (step.next == ReadStep::Next::kDetect) {
      reading.side.reader = TcpReader::kNone;
      reading.side.phase = 0;
    }
    progress.octets += step.octets;
    reading.side.next += step.octets;
    if (step.octets >= rest.captured()) break;
    rest.skip(step.octets);
  }
  return progress;
}

// Finds the reader for a stream that begins here. TLS may also begin after messages of a proxy, or after text.
ReadStep Inspector::detect(const Reading& reading) const {
  TcpSide& side = reading.side;
  bool need_more = false;
  for (const TcpReaderRow& row : kTcpReaders) {
    if (!readers_.has(row.option) || (side.text > 0 && row.id != TcpReader::kTls)) continue;
    const StartsWith starts = row.starts_with(reading);
    need_more |= starts == StartsWith::kNeedMore;
    if (starts != StartsWith::kYes) continue;
    side.reader = row.id;
    return ReadStep::read(0);
  }
  const Wrapping wrapping =
      side.text == 0 ? wrapping_message(reading.octets, side.messages, reading.from_client) : Wrapping{};
  if (wrapping.kind == Wrapping::Kind::kMessage) {
    ++side.messages;
    return ReadStep::detect_after(wrapping.octets);
  }
  need_more |= wrapping.kind == Wrapping::Kind::kNeedMore;
  if (need_more) return reading.is_last ? ReadStep::done() : ReadStep::need_more();
  const auto text = readers_.has(PayloadReader::kTls) ? text_before_tls(reading.octets) : std::nullopt;
  if (!text || side.text > kMostTextBeforeTls) return ReadStep::done();
  side.text += *text;
  return ReadStep::detect_after(*text);
}

// Stores where the reader stands, in the flow's session.
void Inspector::keep(const InspectedFlow& flow, const Reading& reading) {
  Session* session = session_of(flow.state);
  if (session == nullptr) session = &borrow_session(flow.state);
  session->tcp[direction_index(reading.direction)] = reading.side;
  sessions_.renew(flow.state.session - 1U);
}

// --- UDP ---

void Inspector::read_udp(const InspectedFlow& flow, const Packet& packet) {
  const Cursor datagram = payload_of(packet);
  std::string_view dns;
  if (readers_.has(PayloadReader::kDns)) {
    dns = dns_protocol_of(packet.key);
    if (dns.empty() && is_surely_dns(datagram)) dns = "dns";
  }
  if (!dns.empty()) {
    if (!read_dns_message(datagram, {dns, packet.key, packet.time_ns}, *work_)) flow.state.settle(packet.direction);
    return;
  }
  const DatagramRead read = read_datagram(flow, packet, datagram);
  // A hello may still follow other packets of QUIC with a long header.
  const bool is_long = datagram.has(1) && (datagram.u8(0) & 0x80) != 0;
  const bool waits = may_precede_dtls(datagram, packet.key) || (flow.state.session != 0 && is_long);
  if (read == DatagramRead::kDone || (read == DatagramRead::kNothing && !waits)) settle(flow.state, packet.direction);
}

DatagramRead Inspector::read_datagram(const InspectedFlow& flow, const Packet& packet, const Cursor& datagram) {
  if (readers_.has(PayloadReader::kTls) && may_be_dtls(datagram)) return read_dtls(flow, packet.direction, datagram);
  if (readers_.has(PayloadReader::kQuic) && may_be_quic(datagram)) return read_quic(flow, packet.direction, datagram);
  const bool is_http = readers_.has(PayloadReader::kHttp) && read_http_datagram(datagram, *work_);
  return is_http ? DatagramRead::kNeedMore : DatagramRead::kNothing;
}

DatagramRead Inspector::read_dtls(const InspectedFlow& flow, Direction direction, const Cursor& datagram) {
  Session* session = session_of(flow.state);
  DtlsSide side = session == nullptr ? DtlsSide{} : session->dtls[direction_index(direction)];
  SegmentBuffer& fragments = segments_for(session, direction);
  const DatagramRead read = read_dtls_datagram(datagram, side, fragments, *work_);
  if (read != DatagramRead::kNeedMore) return read;
  if (session == nullptr) session = &borrow_session(flow.state);
  session->dtls[direction_index(direction)] = side;
  if (side.type != 0) keep_segments(flow.state, direction);
  return read;
}

// The session stays until both hellos are read, because it has the keys of both sides.
DatagramRead Inspector::read_quic(const InspectedFlow& flow, Direction direction, const Cursor& datagram) {
  Session* session = session_of(flow.state);
  QuicState state = session == nullptr ? QuicState{} : session->quic;
  SegmentBuffer& crypto = segments_for(session, direction);
  const DatagramRead read = read_quic_datagram(datagram, direction, state, crypto, *work_);
  if (read == DatagramRead::kNothing) return read;
  if (session == nullptr) session = &borrow_session(flow.state);
  session->quic = state;
  if (read == DatagramRead::kNeedMore && !crypto.empty()) keep_segments(flow.state, direction);
  return read;
}

// --- Loans ---

// Returns the flow's session, or nullptr.
Inspector::Session* Inspector::session_of(InspectionState& state) {
  return state.session == 0 ? nullptr : &sessions_[state.session - 1U];
}

Inspector::Session& Inspector::borrow_session(InspectionState& state) {
  if (sessions_.all_lent()) {
    InspectionState& other = *sessions_[sessions_.oldest()].borrower;
    counters_.add(Counter::kInspectPoolFull);
    other.settle_both();
    release(other);
  }
  const std::uint32_t index = sessions_.lend();
  Session& session = sessions_[index];
  session = Session{};
  session.borrower = &state;
  state.session = static_cast<std::uint16_t>(index + 1);
  return session;
}

SegmentBuffer* Inspector::buffer_of(const Session* session, Direction direction) {
  const std::uint16_t buffer = session == nullptr ? 0 : session->buffers[direction_index(direction)];
  return buffer == 0 ? nullptr : &buffers_[buffer - 1U].segments;
}

// The flow must have a session.
SegmentBuffer& Inspector::borrow_buffer(InspectionState& state, Direction direction, std::uint32_t start) {
  if (buffers_.all_lent()) {
    const Buffer& oldest = buffers_[buffers_.oldest()];
    counters_.add(Counter::kInspectPoolFull);
    settle(*sessions_[oldest.session].borrower, static_cast<Direction>(oldest.direction));
  }
  const std::uint32_t index = buffers_.lend();
  Buffer& buffer = buffers_[index];
  buffer.session = state.session - 1U;
  buffer.direction = static_cast<std::uint8_t>(direction_index(direction));
  buffer.segments.start(start);
  sessions_[buffer.session].buffers[direction_index(direction)] = static_cast<std::uint16_t>(index + 1);
  return buffer.segments;
}

// Returns where the message of a datagram is put together: the flow's buffer, or the scratch buffer if it has none.
SegmentBuffer& Inspector::segments_for(const Session* session, Direction direction) {
  SegmentBuffer* buffer = buffer_of(session, direction);
  if (buffer != nullptr) return *buffer;
  scratch_.start(0);
  return scratch_;
}

// Makes sure that the flow, which must have a session, has the content of segments_for() in a buffer of its own.
void Inspector::keep_segments(InspectionState& state, Direction direction) {
  if (buffer_of(session_of(state), direction) == nullptr) borrow_buffer(state, direction, 0) = scratch_;
}

void Inspector::return_buffer(Session& session, Direction direction) {
  std::uint16_t& buffer = session.buffers[direction_index(direction)];
  if (buffer != 0) buffers_.take_back(buffer - 1U);
  buffer = 0;
}

// No reader wants the octets of this direction any more.
void Inspector::settle(InspectionState& state, Direction direction) {
  state.settle(direction);
  Session* session = session_of(state);
  if (session == nullptr) return;
  return_buffer(*session, direction);
  if (state.settled == kBothDirections) release(state);
}

void Inspector::give_up(InspectionState& state, Direction direction) {
  counters_.add(Counter::kInspectGivenUp);
  settle(state, direction);
}

}  // namespace spanflow

#include "metrics/tcp_quality.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>

namespace spanflow {
namespace {

// These limits are the same as in Wireshark, so that the counts of both programs can be compared.
constexpr std::uint64_t kFastRetransmissionNs = 20'000'000;
constexpr std::uint64_t kReorderingNs = 3'000'000;  // used if the handshake gave no round-trip time
constexpr std::uint8_t kDuplicateAcks = 2;

constexpr std::uint32_t kHeaderOctets = 20;  // size of a TCP header without options

bool has(const Packet& packet, std::uint8_t flags) { return (packet.tcp_flags & flags) == flags; }
bool has_any(const Packet& packet, std::uint8_t flags) { return (packet.tcp_flags & flags) != 0; }

// True if `seq` comes before `other`. The signed difference decides, because sequence numbers wrap (RFC 9293, section
// 3.4).
bool before(std::uint32_t seq, std::uint32_t other) { return static_cast<std::int32_t>(seq - other) < 0; }

// Returns the sequence number after the last octet of the packet. A SYN or a FIN counts as one octet.
std::uint32_t end_of(const Packet& packet) {
  return packet.tcp_seq + packet.payload_size + (has_any(packet, tcp::kSyn | tcp::kFin) ? 1 : 0);
}

// Returns the time from `from_ns` to `to_ns`, or 0 if `to_ns` is earlier: packet times may go back.
std::uint64_t elapsed(std::uint64_t from_ns, std::uint64_t to_ns) { return to_ns - std::min(from_ns, to_ns); }

// Returns the captured octets from the TCP header on. Returns nullopt if the header was not captured up to the window
// field.
std::optional<Cursor> tcp_header(const Packet& packet) {
  if (packet.later_fragment) return std::nullopt;
  Cursor header{packet.ip, packet.ip_captured, packet.ip_size};
  const std::uint32_t ip_header = packet.ip_size - packet.transport_size;
  if (!header.has(ip_header + 16)) return std::nullopt;
  header.skip(ip_header);
  return header;
}

// True for a keep-alive probe: it has at most one octet, and starts one octet before the next sequence number.
bool is_keep_alive(const Packet& packet, std::uint32_t next_seq) {
  return packet.payload_size <= 1 && packet.tcp_seq == next_seq - 1 && !has_any(packet, tcp::kSyn | tcp::kFin);
}

}  // namespace

void TcpConnection::start_segment() {
  for (Particulars& each : particulars_) each.retransmitted = each.out_of_order = each.zero_window = each.gaps = 0;
  for (Side& each : sides_) each.letters = each.retransmitted_bare = 0;
  history_length_ = 0;
  if (has_answer_) has_request_ = has_answer_ = false;
}

TcpConnection::Progress TcpConnection::add(const Packet& packet, Holes& holes) {
  const std::optional<Cursor> header = tcp_header(packet);
  if (!header) return Progress::kNone;
  const bool syn = has(packet, tcp::kSyn);
  if (syn) begin_numbering(packet);
  record_flags(packet);
  seen_ = true;
  if (syn) read_syn(packet, *header);
  if (has(packet, tcp::kRst)) return Progress::kNone;  // a RST may have any sequence number
  const Progress progressed = progress(packet, holes.sides[static_cast<int>(reversed(packet.direction))]);
  const Arrival arrived = arrival(packet);
  count(packet, arrived);
  follow_handshake(packet);
  follow_exchange(packet, arrived);
  follow_acks(packet);
  follow_hole(packet, holes.sides[static_cast<int>(packet.direction)]);
  follow_sequence(packet);
  return progressed;
}

// A SYN with a new sequence number begins a new connection between the same ports. A SYN-ACK resets only the numbers of
// its own sender, because the other side has just sent the SYN that this SYN-ACK answers.
void TcpConnection::begin_numbering(const Packet& packet) {
  const Particulars& sender = particulars(packet.direction);
  const bool known = side(packet.direction).next_known;
  if (!known || (sender.initial_known && sender.initial_seq == packet.tcp_seq)) return;
  side(packet.direction).forget_numbers();
  if (has(packet, tcp::kAck)) return;
  side(reversed(packet.direction)).forget_numbers();
  if (!handshake_done_) client_known_ = has_syn_ = has_syn_ack_ = false;
}

void TcpConnection::read_syn(const Packet& packet, const Cursor& header) {
  Particulars& sender = particulars(packet.direction);
  sender.initial_seq = packet.tcp_seq;
  sender.initial_known = true;
  read_options(header, sender);
}

void TcpConnection::read_options(Cursor header, Particulars& from) {
  header.limit((header.u8(12) >> 4) * 4U);
  if (!header.has(kHeaderOctets)) return;
  header.skip(kHeaderOctets);
  constexpr std::uint8_t kEnd = 0;
  constexpr std::uint8_t kNoOperation = 1;
  constexpr std::uint8_t kMaximumSegmentSize = 2;
  constexpr std::uint8_t kWindowScale = 3;
  while (header.has(1) && header.u8(0) != kEnd) {
    const std::uint8_t kind = header.u8(0);
    if (kind == kNoOperation) {
      header.skip(1);
      continue;
    }
    const std::uint8_t length = header.has(2) ? header.u8(1) : 0;
    if (length < 2 || !header.has(length)) return;
    if (kind == kMaximumSegmentSize && length == 4) {
      from.mss = header.be16(2);
      from.mss_known = true;
    }
    if (kind == kWindowScale && length == 3) {
      from.window_scale = header.u8(2);
      from.window_scale_known = true;
    }
    header.skip(length);
  }
}

// A packet without payload, SYN or FIN is always in order. Other packets are in order if they begin after the highest
// octet that their sender has sent.
TcpConnection::Arrival TcpConnection::arrival(const Packet& packet) const {
  const Side& sender = side(packet.direction);
  const Side& receiver = side(reversed(packet.direction));
  const bool takes_space = packet.payload_size > 0 || has_any(packet, tcp::kSyn | tcp::kFin);
  if (!takes_space || !sender.next_known || !before(packet.tcp_seq, sender.next_seq)) return Arrival::kInOrder;
  if (is_keep_alive(packet, sender.next_seq)) return Arrival::kInOrder;
  const bool acknowledged =
      packet.payload_size > 0 && receiver.ack_known && !before(receiver.ack, packet.tcp_seq + packet.payload_size);
  if (acknowledged) return Arrival::kRetransmitted;
  // After a zero-window probe, the next data repeats the octet of the probe.
  if (packet.payload_size > 1 && packet.tcp_seq == sender.next_seq - 1) return Arrival::kInOrder;
  const bool asked_for = receiver.duplicate_acks >= kDuplicateAcks && receiver.ack == packet.tcp_seq &&
                         elapsed(receiver.last_ns, packet.time_ns) < kFastRetransmissionNs;
  if (asked_for) return Arrival::kRetransmitted;
  const bool soon = elapsed(sender.advanced_ns, packet.time_ns) < reordering_window_ns();
  return soon && end_of(packet) != sender.next_seq ? Arrival::kOutOfOrder : Arrival::kRetransmitted;
}

// Returns the time during which a late packet counts as reordered, not as retransmitted. This is one round trip,
// because a sender cannot learn of a loss earlier.
std::uint64_t TcpConnection::reordering_window_ns() const {
  const std::uint64_t round_trip = has_syn_ && handshake_done_ ? elapsed(syn_ns_, handshake_done_ns_) : 0;
  return round_trip > 0 ? round_trip : kReorderingNs;
}

void TcpConnection::count(const Packet& packet, Arrival arrived) {
  Side& sender = side(packet.direction);
  Particulars& counts = particulars(packet.direction);
  if (sender.next_known && before(sender.next_seq, packet.tcp_seq)) ++counts.gaps;
  if (arrived == Arrival::kOutOfOrder) ++counts.out_of_order;
  if (arrived == Arrival::kRetransmitted) {
    ++counts.retransmitted;
    if (packet.payload_size == 0) {
      if (sender.retransmitted_bare < std::numeric_limits<std::uint16_t>::max()) ++sender.retransmitted_bare;
    } else {
      record_tenfold(packet.direction, 'T', counts.retransmitted - sender.retransmitted_bare);
    }
  }
  if (packet.tcp_window == 0 && !has_any(packet, tcp::kSyn | tcp::kFin)) {
    ++counts.zero_window;
    record_tenfold(packet.direction, 'W', counts.zero_window);
  }
}

// Stores the times of the handshake. If a SYN or SYN-ACK is sent again, the first SYN-ACK answers the last SYN before
// it, and the ACK answers the last SYN-ACK.
void TcpConnection::follow_handshake(const Packet& packet) {
  if (handshake_done_ || !has_any(packet, tcp::kSyn | tcp::kAck)) return;
  const bool answers = has(packet, tcp::kSyn | tcp::kAck);
  const Direction client = answers ? reversed(packet.direction) : packet.direction;
  if (has(packet, tcp::kSyn) && !client_known_) {
    client_ = client;
    client_known_ = true;
  }
  if (!client_known_ || client != client_) return;
  const Particulars& server = particulars(reversed(client_));
  if (answers) {
    if (has_syn_ && !before(particulars(client_).initial_seq, packet.tcp_ack)) return;
    if (!has_syn_ack_) first_syn_ack_ns_ = packet.time_ns;
    last_syn_ack_ns_ = packet.time_ns;
    has_syn_ack_ = true;
  } else if (has(packet, tcp::kSyn)) {
    syn_ns_ = packet.time_ns;
    has_syn_ = true;
    has_syn_ack_ = false;
  } else if (!has_syn_ack_ || before(server.initial_seq, packet.tcp_ack)) {
    handshake_done_ns_ = packet.time_ns;
    handshake_done_ = true;
  }
}

// Stores the time of the last packet of the client's request, and of the first packet of the server's answer.
void TcpConnection::follow_exchange(const Packet& packet, Arrival arrived) {
  if (packet.payload_size == 0 || !client_known_ || has_answer_) return;
  const Side& sender = side(packet.direction);
  if (sender.next_known && is_keep_alive(packet, sender.next_seq)) return;
  if (packet.direction == client_) {
    request_ns_ = packet.time_ns;
    has_request_ = true;
  } else if (has_request_ && arrived != Arrival::kRetransmitted) {
    answer_ns_ = packet.time_ns;
    has_answer_ = true;
  }
}

// Returns kNone while the last acknowledgement of this sender or the data of the other side is unknown, as at the start
// of a capture.
TcpConnection::Progress TcpConnection::progress(const Packet& packet, const Holes::Hole& others_hole) {
  const Side& sender = side(packet.direction);
  Side& other = side(reversed(packet.direction));
  if (!has(packet, tcp::kAck) || !sender.ack_known || !other.next_known) return Progress::kNone;
  if (!before(sender.ack, packet.tcp_ack)) return Progress::kNone;
  const bool into_hole = other.has_hole && before(others_hole.begin, packet.tcp_ack);
  if (into_hole) other.has_hole = false;  // each hole is counted only once
  return into_hole || before(other.next_seq, packet.tcp_ack) ? Progress::kUnseen : Progress::kSeen;
}

// A packet that begins after the next expected octet leaves a hole. Later packets fill the hole from its start or its
// end.
void TcpConnection::follow_hole(const Packet& packet, Holes::Hole& hole) {
  Side& sender = side(packet.direction);
  if (!sender.next_known) return;
  if (before(sender.next_seq, packet.tcp_seq)) {
    if (!sender.has_hole) hole = {.begin = sender.next_seq, .end = packet.tcp_seq};
    sender.has_hole = true;
  } else if (sender.has_hole) {
    const std::uint32_t end = end_of(packet);
    if (!before(hole.begin, packet.tcp_seq) && before(hole.begin, end)) hole.begin = end;
    if (!before(end, hole.end) && before(packet.tcp_seq, hole.end)) hole.end = packet.tcp_seq;
    sender.has_hole = before(hole.begin, hole.end);
  }
}

void TcpConnection::follow_acks(const Packet& packet) {
  Side& sender = side(packet.direction);
  const bool repeated = sender.ack_known && packet.tcp_ack == sender.ack;
  const bool bare = packet.payload_size == 0 && !has_any(packet, tcp::kSyn | tcp::kFin);
  const bool nothing_else = packet.tcp_window != 0 && packet.tcp_window == sender.window &&
                            packet.tcp_seq == sender.next_seq && !side(reversed(packet.direction)).sent_keep_alive;
  if (!repeated) sender.duplicate_acks = 0;
  if (repeated && bare && nothing_else && sender.duplicate_acks < kDuplicateAcks) ++sender.duplicate_acks;
  sender.sent_keep_alive = sender.next_known && is_keep_alive(packet, sender.next_seq);
  sender.window = packet.tcp_window;
  sender.last_ns = packet.time_ns;
  if (!has(packet, tcp::kAck)) return;
  sender.ack = packet.tcp_ack;
  sender.ack_known = true;
}

void TcpConnection::follow_sequence(const Packet& packet) {
  Side& sender = side(packet.direction);
  if (sender.next_known && !before(sender.next_seq, end_of(packet))) return;
  sender.next_seq = end_of(packet);
  sender.next_known = true;
  sender.advanced_ns = packet.time_ns;
}

void TcpConnection::record_flags(const Packet& packet) {
  const Direction from = packet.direction;
  Particulars& sender = particulars(from);
  const bool syn = has(packet, tcp::kSyn);
  const bool fin = has(packet, tcp::kFin);
  const bool rst = has(packet, tcp::kRst);
  // '^': flow.direction has reversed the flow, because its first packet is a SYN-ACK.
  if (!seen_ && syn && has(packet, tcp::kAck) && from == Direction::kDstToSrc) record(Direction::kSrcToDst, '^');
  if (syn + fin + rst > 1) {
    record_once(from, fin && rst ? kInconsistent : kManyFlags);
  } else if (syn) {
    record_numbered(from, has(packet, tcp::kAck) ? kSynAck : kSyn, sender.initial_seq != packet.tcp_seq);
  } else if (fin) {
    record_numbered(from, kFin, side(from).next_seq != end_of(packet));
  } else if (rst) {
    record_numbered(from, kRst, sender.reset_seq != packet.tcp_seq);
    sender.reset_seq = packet.tcp_seq;
  } else if (packet.payload_size > 0) {
    record_once(from, kData);
  } else if (has(packet, tcp::kAck)) {
    record_once(from, kAck);
  }
}

void TcpConnection::record_once(Direction direction, Letter letter) { record_numbered(direction, letter, false); }

// Adds the letter to the history if the letter is new, or if `other_number` is true: the packet has another sequence
// number than the last packet of this kind.
void TcpConnection::record_numbered(Direction direction, Letter letter, bool other_number) {
  std::uint8_t& recorded = side(direction).letters;
  const auto bit = static_cast<std::uint8_t>(1U << letter);
  if ((recorded & bit) == 0 || other_number) record(direction, "SHFRDAIQ"[letter]);
  recorded |= bit;
}

void TcpConnection::record(Direction direction, char letter) {
  constexpr char kLowerCase = 'a' - 'A';
  if (history_length_ == kHistoryLetters) return;
  const bool lower = direction == Direction::kDstToSrc;
  history_[history_length_++] = static_cast<char>(lower ? letter + kLowerCase : letter);
}

// Adds the letter to the history for the 1st, 10th, 100th, ... time. `times` is the number of times so far.
void TcpConnection::record_tenfold(Direction direction, char letter, std::uint32_t times) {
  while (times > 0 && times % 10 == 0) times /= 10;
  if (times == 1) record(direction, letter);
}

void TcpConnection::describe(TcpQuality& quality) const {
  const auto between = [](bool known, std::uint64_t from_ns, std::uint64_t to_ns) {
    return known && from_ns <= to_ns ? std::optional{to_ns - from_ns} : std::nullopt;
  };
  quality.server_rtt_ns = between(has_syn_ && has_syn_ack_, syn_ns_, first_syn_ack_ns_);
  quality.client_rtt_ns = between(has_syn_ack_ && handshake_done_, last_syn_ack_ns_, handshake_done_ns_);
  quality.response_ns = between(has_answer_, request_ns_, answer_ns_);
  quality.src_to_dst = described(particulars_[0]);
  quality.dst_to_src = described(particulars_[1]);
  quality.history.assign(history_, history_length_);
}

TcpSideQuality TcpConnection::described(const Particulars& of) const {
  return {.retransmitted_pkts = of.retransmitted,
          .out_of_order_pkts = of.out_of_order,
          .zero_window_pkts = of.zero_window,
          .gaps = of.gaps,
          .mss = of.mss_known ? std::optional{of.mss} : std::nullopt,
          .window_scale = of.window_scale_known ? std::optional{of.window_scale} : std::nullopt};
}

}  // namespace spanflow

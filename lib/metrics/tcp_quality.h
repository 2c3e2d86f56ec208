// Quality of a TCP connection, as seen from one point of the network path. docs/tcp.md defines every value.
#pragma once

#include <cstdint>

#include "decode/cursor.h"
#include "decode/packet.h"
#include "spanflow/record.h"

namespace spanflow {

// The state of one flow's connection. Its size is fixed. Zeroed memory is a valid new connection. The Features of a
// worker own it; not thread-safe.
class TcpConnection {
 public:
  // Resets the counts and the history. Keeps the state on which they depend: sequence numbers, handshake, options, open
  // request.
  void start_segment();
  // The octets that a packet acknowledges for the first time: kNone for no octets, kSeen for octets that were seen
  // here, kUnseen for octets that were not.
  enum class Progress : std::uint8_t { kNone, kSeen, kUnseen };

  // The first gap in the octets of each side, as seen here. Gaps are stored outside the connection, because few
  // connections have one. Zeroed memory means that there is no gap.
  struct Holes {
    struct Hole {
      std::uint32_t begin;
      std::uint32_t end;
    };
    Hole sides[2];
  };

  // Adds a TCP packet of this flow, whose direction must be set. Ignores a packet without a complete TCP header.
  // `holes` must always be the holes of this connection.
  Progress add(const Packet& packet, Holes& holes);

  // True if a packet has been added.
  bool seen() const { return seen_; }
  void describe(TcpQuality& quality) const;

 private:
  static constexpr std::size_t kHistoryLetters = 21;

  enum class Arrival : std::uint8_t { kInOrder, kRetransmitted, kOutOfOrder };
  // The letters of the history for flags and payload. Each has one bit in Side::letters.
  enum Letter : std::uint8_t { kSyn, kSynAck, kFin, kRst, kData, kAck, kInconsistent, kManyFlags };

  // The state of a sender that each of its packets needs.
  struct Side {
    std::uint64_t advanced_ns;         // when next_seq last increased
    std::uint64_t last_ns;             // time of the last packet
    std::uint32_t next_seq;            // sequence number after the highest octet sent
    std::uint32_t ack;                 // last acknowledgement number sent
    std::uint16_t window;              // last advertised window, not scaled
    std::uint16_t retransmitted_bare;  // number of retransmitted packets that are a SYN or FIN without payload
    std::uint8_t duplicate_acks;
    std::uint8_t letters;  // letters that the history already has
    bool next_known : 1;
    bool ack_known : 1;
    bool sent_keep_alive : 1;  // true: the last packet was a keep-alive probe
    bool has_hole : 1;

    void forget_numbers() {
      next_known = ack_known = sent_keep_alive = has_hole = false;
      duplicate_acks = 0;
    }
  };
  // The state of a sender that few of its packets need.
  struct Particulars {
    std::uint32_t retransmitted;
    std::uint32_t out_of_order;
    std::uint32_t zero_window;
    std::uint32_t gaps;
    std::uint32_t initial_seq;
    std::uint32_t reset_seq;
    std::uint16_t mss;
    std::uint8_t window_scale;
    bool initial_known : 1;
    bool mss_known : 1;
    bool window_scale_known : 1;
  };

  void begin_numbering(const Packet& packet);
  void read_syn(const Packet& packet, const Cursor& header);
  void read_options(Cursor header, Particulars& from);
  Arrival arrival(const Packet& packet) const;
  std::uint64_t reordering_window_ns() const;
  void count(const Packet& packet, Arrival arrived);
  void follow_handshake(const Packet& packet);
  void follow_exchange(const Packet& packet, Arrival arrived);
  Progress progress(const Packet& packet, const Holes::Hole& others_hole);
  void follow_hole(const Packet& packet, Holes::Hole& hole);
  void follow_acks(const Packet& packet);
  void follow_sequence(const Packet& packet);
  void record_flags(const Packet& packet);
  void record_once(Direction direction, Letter letter);
  void record_numbered(Direction direction, Letter letter, bool other_number);
  void record(Direction direction, char letter);
  void record_tenfold(Direction direction, char letter, std::uint32_t times);
  TcpSideQuality described(const Particulars& of) const;

  Side& side(Direction direction) { return sides_[static_cast<int>(direction)]; }
  const Side& side(Direction direction) const { return sides_[static_cast<int>(direction)]; }
  Particulars& particulars(Direction direction) { return particulars_[static_cast<int>(direction)]; }

  Side sides_[2];
  std::uint64_t syn_ns_;             // time of the last SYN before a SYN-ACK
  std::uint64_t first_syn_ack_ns_;   // time of the first SYN-ACK after that SYN
  std::uint64_t last_syn_ack_ns_;    // time of the last SYN-ACK before the end of the handshake
  std::uint64_t handshake_done_ns_;  // time of the client's acknowledgement
  std::uint64_t request_ns_;
  std::uint64_t answer_ns_;
  Particulars particulars_[2];
  Direction client_;
  bool seen_ : 1;
  bool client_known_ : 1;
  bool has_syn_ : 1;
  bool has_syn_ack_ : 1;
  bool handshake_done_ : 1;
  bool has_request_ : 1;
  bool has_answer_ : 1;
  std::uint8_t history_length_;
  char history_[kHistoryLetters];
};
static_assert(sizeof(TcpConnection) == 192);  // three cache lines; most packets of a bulk transfer need only the first

}  // namespace spanflow

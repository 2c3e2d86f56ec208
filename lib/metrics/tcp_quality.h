// Quality of a TCP connection, as seen from one point of its path. docs/tcp.md defines every value.
#pragma once

#include <cstdint>

#include "decode/cursor.h"
#include "decode/packet.h"
#include "spanflow/record.h"

namespace spanflow {

// The state of one flow's connection, of bounded size; zeroed memory is a valid new connection. Owned by the Features
// of a worker; not thread-safe.
class TcpConnection {
 public:
  // Resets the counts and the history. The state that they depend on stays: sequence numbers, handshake, options, open
  // request.
  void start_segment();
  // The octets that a packet acknowledges for the first time: none, octets that were seen here, or octets that were
  // not.
  enum class Progress : std::uint8_t { kNone, kSeen, kUnseen };

  // The first gap in the octets of each side as seen here, if there is one. Kept outside the connection, because few
  // connections have one; zeroed memory is valid too.
  struct Holes {
    struct Hole {
      std::uint32_t begin;
      std::uint32_t end;
    };
    Hole sides[2];
  };

  // Adds a TCP packet of this flow, with its direction set. A packet without a complete TCP header is ignored. `holes`
  // must always be the holes of this connection.
  Progress add(const Packet& packet, Holes& holes);

  // True once a packet has been added.
  bool seen() const { return seen_; }
  void describe(TcpQuality& quality) const;

 private:
  static constexpr std::size_t kHistoryLetters = 21;

  enum class Arrival : std::uint8_t { kInOrder, kRetransmitted, kOutOfOrder };
  // The letters of the history for flags and payload: one bit of Side::letters each.
  enum Letter : std::uint8_t { kSyn, kSynAck, kFin, kRst, kData, kAck, kInconsistent, kManyFlags };

  // The state that every packet of either direction needs. Sequence numbers are those of this sender.
  struct Side {
    std::uint64_t advanced_ns;         // when next_seq last moved
    std::uint64_t last_ns;             // its last packet
    std::uint32_t next_seq;            // after the highest octet it has sent
    std::uint32_t ack;                 // its last acknowledgement, of the other's octets
    std::uint16_t window;              // last advertised, unscaled
    std::uint16_t retransmitted_bare;  // how many of the retransmitted are SYN or FIN without payload
    std::uint8_t duplicate_acks;
    std::uint8_t letters;  // that the history has already
    bool next_known : 1;
    bool ack_known : 1;
    bool sent_keep_alive : 1;  // its last packet was a keep-alive probe
    bool has_hole : 1;

    void forget_numbers() {
      next_known = ack_known = sent_keep_alive = has_hole = false;
      duplicate_acks = 0;
    }
  };
  // The state that few packets need.
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
  std::uint64_t syn_ns_;             // the last one before its answer
  std::uint64_t first_syn_ack_ns_;   // the first one behind it
  std::uint64_t last_syn_ack_ns_;    // the last one before the handshake's end
  std::uint64_t handshake_done_ns_;  // the client's acknowledgement
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
static_assert(sizeof(TcpConnection) == 192);  // three cache lines; the packets of a transfer touch the first

}  // namespace spanflow

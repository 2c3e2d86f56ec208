// Quality of a TCP connection, as seen from one point of the network path. docs/tcp.md defines every value.
#pragma once

#include <cstdint>

#include "decode/cursor.h"
#include "decode/packet.h"
#include "spanflow/record.h"

namespace spanflow {

// The state of one flow's TCP connection. Its size is fixed, and zeroed memory is a valid new connection. A worker's
// Features own the object; not thread-safe.
class TcpConnection {
 public:
  // Resets the counts and the history. Keeps the state that the new segment needs: sequence numbers, handshake,
  // options, open request.
  void start_segment();
  // Tells which octets a packet acknowledges for the first time. kNone: no octets. kSeen: only octets that this sensor
  // has seen. kUnseen: also octets that this sensor has not seen.
  enum class Progress : std::uint8_t { kNone, kSeen, kUnseen };

  // The first hole in the octets of each side: octets that this sensor has not seen. Holes are stored outside the
  // TcpConnection, because few connections have a hole. Zeroed memory means that there is no hole.
  struct Holes {
    struct Hole {
      std::uint32_t begin;  // sequence number of the first missing octet
      std::uint32_t end;    // sequence number after the last missing octet
    };
    Hole sides[2];
  };

  // Adds a TCP packet of this flow. packet.direction must be set. Ignores a packet whose TCP header was not captured up
  // to the window field. `holes` must be the Holes of this connection in every call.
  Progress add(const Packet& packet, Holes& holes);

  // True if a packet has been added.
  bool seen() const { return seen_; }
  void describe(TcpQuality& quality) const;

 private:
  static constexpr std::size_t kHistoryLetters = 21;  // greatest length of the history

  enum class Arrival : std::uint8_t { kInOrder, kRetransmitted, kOutOfOrder };
  // The letters of the history for flags and payload. Each letter has one bit in Side::letters.
  enum Letter : std::uint8_t { kSyn, kSynAck, kFin, kRst, kData, kAck, kInconsistent, kManyFlags };

  // The state of one sender that every packet of this sender needs.
  struct Side {
    std::uint64_t advanced_ns;         // time when next_seq last increased
    std::uint64_t last_ns;             // time of the last packet
    std::uint32_t next_seq;            // sequence number after the highest octet sent
    std::uint32_t ack;                 // last acknowledgement number sent
    std::uint16_t window;              // last advertised window, not scaled
    std::uint16_t retransmitted_bare;  // number of retransmitted packets that are a SYN or FIN without payload
    std::uint8_t duplicate_acks;       // number of duplicates of `ack`, counted up to kDuplicateAcks
    std::uint8_t letters;              // bits of the letters that the history already has
    bool next_known : 1;
    bool ack_known : 1;
    bool sent_keep_alive : 1;  // true: the last packet was a keep-alive probe
    bool has_hole : 1;

    void forget_numbers() {
      next_known = ack_known = sent_keep_alive = has_hole = false;
      duplicate_acks = 0;
    }
  };
  // The state of one sender that only few packets of this sender need.
  struct Particulars {
    std::uint32_t retransmitted;
    std::uint32_t out_of_order;
    std::uint32_t zero_window;
    std::uint32_t gaps;
    std::uint32_t initial_seq;
    std::uint32_t reset_seq;    // sequence number of the last RST
    std::uint16_t mss;          // octets
    std::uint8_t window_scale;  // shift count
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
  std::uint64_t request_ns_;         // time of the last packet of the request
  std::uint64_t answer_ns_;          // time of the first packet of the answer
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

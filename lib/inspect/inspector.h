// Reads names, fingerprints, requests and answers from the payload of flows, with spanflow's own readers.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/loan_pool.h"
#include "config/config.h"
#include "decode/packet.h"
#include "inspect/dtls.h"
#include "inspect/inspection_state.h"
#include "inspect/metadata.h"
#include "inspect/name_cache.h"
#include "inspect/quic.h"
#include "inspect/segment_buffer.h"
#include "inspect/tcp_side.h"
#include "telemetry/counters.h"

namespace spanflow {

// The flow of a packet, as the Inspector sees it.
struct InspectedFlow {
  std::uint32_t index;     // of the flow's entry in the flow table
  InspectionState& state;  // must not move until release()
  BiflowDirection opened_by;
  std::optional<std::uint32_t>
      syn_sequence;  // sequence number of the SYN in the direction of the packet, if one was seen
};

// One object per worker; not thread-safe. The references and `names` must outlive it; `names` may be nullptr. The
// readers allocate no memory per packet, and what they keep is bounded: a flow whose reader waits for octets borrows a
// session, and a buffer if octets must be kept. If all are lent, the one that was not used for the longest time is
// taken back, which is counted, and the readers leave its flow alone from then on.
class Inspector {
 public:
  Inspector(ReaderSet readers, MetadataStore& store, NameCache* names, Counters& counters);

  // Returns the keys for which the chosen readers are the source.
  static MetadataSet keys_of(ReaderSet readers);

  // True if a reader may want the packet.
  static bool wants(const InspectionState& state, const Packet& packet) {
    return packet.payload_size > 0 && !state.is_settled(packet.direction);
  }
  // Reads a packet that it wants.
  void inspect(const InspectedFlow& flow, const Packet& packet);
  // Returns what the flow has borrowed. Must be called before the state is destroyed or moved.
  void release(InspectionState& state);

  // Adds the name that src had asked DNS for when the flow began, at `start_ns`, if the flow shows no name of its own,
  // or if its hello may hide the real name (ECH). `flow` is the index of the flow's entry.
  void add_dns_name(std::uint32_t flow, const FlowKey& key, std::uint64_t start_ns, FlowMetadata& metadata);

 private:
  struct Session {
    InspectionState* borrower;
    std::array<TcpSide, kDirections> tcp;
    std::array<DtlsSide, kDirections> dtls;
    QuicState quic;
    std::array<std::uint16_t, kDirections> buffers;  // index of the borrowed buffer plus 1, by direction; 0: none
  };
  struct Buffer {
    std::uint32_t session;
    std::uint8_t direction;
    SegmentBuffer segments;
  };
  // What a reader has done with octets in order.
  struct Progress {
    bool is_done;
    std::uint32_t octets;  // octets that were read or are to be passed over
  };

  void read_tcp(const InspectedFlow& flow, const Packet& packet);
  void read_next(const InspectedFlow& flow, Cursor payload, Reading& reading);
  void read_joined(const InspectedFlow& flow, std::uint32_t sequence, const Cursor& payload, Reading& reading);
  Progress read_octets(Reading& reading) const;
  ReadStep detect(const Reading& reading) const;
  void keep(const InspectedFlow& flow, const Reading& reading);

  void read_udp(const InspectedFlow& flow, const Packet& packet);
  DatagramRead read_datagram(const InspectedFlow& flow, const Packet& packet, const Cursor& datagram);
  DatagramRead read_dtls(const InspectedFlow& flow, Direction direction, const Cursor& datagram);
  DatagramRead read_quic(const InspectedFlow& flow, Direction direction, const Cursor& datagram);

  Session* session_of(InspectionState& state);
  Session& borrow_session(InspectionState& state);
  SegmentBuffer& borrow_buffer(InspectionState& state, Direction direction, std::uint32_t start);
  SegmentBuffer* buffer_of(const Session* session, Direction direction);
  SegmentBuffer& segments_for(const Session* session, Direction direction);
  void keep_segments(InspectionState& state, Direction direction);
  void return_buffer(Session& session, Direction direction);
  void settle(InspectionState& state, Direction direction);
  void give_up(InspectionState& state, Direction direction);

  const ReaderSet readers_;
  Counters& counters_;
  NameCache* names_;
  std::unique_ptr<Workspace> work_;
  SegmentBuffer scratch_{};  // for datagrams of flows without a buffer
  LoanPool<Session> sessions_;
  LoanPool<Buffer> buffers_;
};

}  // namespace spanflow

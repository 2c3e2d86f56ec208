// The readers' state of one direction of a TCP connection, and what a reader gets and returns.
#pragma once

#include <cstdint>
#include <string>

#include "decode/cursor.h"
#include "inspect/metadata.h"
#include "inspect/name_cache.h"
#include "inspect/tls_findings.h"
#include "inspect/tls_records.h"

namespace spanflow {

enum class TcpReader : std::uint8_t { kNone, kTls, kHttpRequests, kHttpResponse, kHttp2, kSsh, kDns, kText };

// Zeroed memory is a valid object.
struct TcpSide {
  std::uint32_t next;  // sequence number of the next octet that the reader wants; valid if has_begun
  bool has_begun;
  TcpReader reader;       // kNone: the protocol is not known yet
  std::uint8_t phase;     // the reader's own
  std::uint8_t messages;  // wrapping messages that were passed over
  std::uint32_t text;     // octets of text that were passed over
};

// What all readers of a worker share. Too big for the stack.
struct Workspace {
  // All must outlive the Workspace. `name_cache` is nullptr without one.
  Workspace(MetadataStore& store, NameCache* name_cache, Counters& worker_counters)
      : findings(store), names(name_cache), counters(worker_counters) {}

  Findings findings;
  NameCache* names;
  Counters& counters;
  TlsFindings tls;
  MessageRoom room;
  // To put texts together. Their memory is used again.
  std::string text;
  std::string field_name;
  std::string field_value;
};

// One call of a reader.
struct Reading {
  Cursor octets;     // in order, from TcpSide::next on; not empty
  bool is_last;      // true: no more octets will come, so the reader must do with these
  bool from_client;  // true: the octets come from the side that opened the connection, as far as known
  Direction direction;
  const FlowKey& sender;  // the key as in the packet: src has sent the octets
  std::uint64_t time_ns;  // of the packet that completed the octets
  TcpSide& side;
  Workspace& work;

  Findings& findings() const { return work.findings; }
  std::uint16_t server_port() const { return from_client ? sender.dst_port : sender.src_port; }
};

// What a reader has done.
struct ReadStep {
  enum class Next : std::uint8_t {
    kContinue,  // call the reader again with the octets after those that were read
    kNeedMore,  // call the reader again with the same octets and more
    kDetect,    // another protocol may begin after those that were read
    kDone,      // this direction has nothing more to tell
  };
  Next next;
  std::uint32_t octets = 0;  // how many were read. More than there are: the reader passes over those that follow

  static ReadStep done() { return {Next::kDone}; }
  static ReadStep need_more() { return {Next::kNeedMore}; }
  static ReadStep read(std::uint64_t octets) { return {Next::kContinue, static_cast<std::uint32_t>(octets)}; }
  static ReadStep detect_after(std::uint64_t octets) { return {Next::kDetect, static_cast<std::uint32_t>(octets)}; }
};

}  // namespace spanflow

// The entry point of libspanflow: a Streamer turns a capture file, a kernel interface or a DPDK device into flow
// records, with the same pipeline as spanflowd.
//
//   spanflow::Streamer streamer{{.source = "instagram.pcap"}};
//   for (const spanflow::FlowRecord& flow : streamer) std::cout << flow << '\n';
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "spanflow/export.h"
#include "spanflow/record.h"

namespace spanflow {

// A metric that a function of the calling program computes. spanflow calls on_packet for every packet, after it has
// counted the packet. on_packet changes `flow.metrics[name]`, which is 0 when a segment begins. References are valid
// during the call only. All calls for one flow come from one worker, so the flow's values need no lock. Workers call
// on_packet at the same time, so all other state needs a lock. If on_packet throws, spanflow logs and counts the
// exception and switches the metric off. The value of this metric is then kNoValue.
struct UserMetric {
  std::string name;
  std::function<void(const PacketInfo& packet, Flow& flow)> on_packet;
};

struct StreamerOptions {
  std::string source;                // capture file ("-": standard input), kernel interface or DPDK device
  std::uint64_t capacity = 128'000;  // open flows; a full table evicts by segmented LRU
  std::chrono::nanoseconds active_timeout = std::chrono::seconds{120};
  std::chrono::nanoseconds inactive_timeout = std::chrono::seconds{120};
  unsigned workers = 1;
  // Options of spanflowd, such as "flow.tcp_close=false". They override the members above.
  std::vector<std::string> settings{};
  std::vector<UserMetric> user_metrics{};
};

// Owns a whole pipeline and its threads. Only one thread may iterate, and only once: a second begin() throws
// std::logic_error. A record is valid until the iterator is incremented; to keep a record, copy it. The destructor
// stops the capture. Errors that would end spanflowd are thrown as std::runtime_error with the same one-line message.
// The constructor throws for an unknown source or a wrong option. begin() and operator++ throw if the source fails.
class Streamer {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = FlowRecord;
    using difference_type = std::ptrdiff_t;
    using pointer = const FlowRecord*;
    using reference = const FlowRecord&;

    reference operator*() const { return *record_; }
    pointer operator->() const { return record_; }
    SPANFLOW_EXPORT Iterator& operator++();
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return record_ == nullptr; }

   private:
    friend class Streamer;
    explicit Iterator(Streamer& streamer) : streamer_(&streamer) {}
    Streamer* streamer_;
    const FlowRecord* record_ = nullptr;
  };

  // Opens the source; the capture starts with begin().
  SPANFLOW_EXPORT explicit Streamer(const StreamerOptions& options);
  SPANFLOW_EXPORT ~Streamer();
  SPANFLOW_EXPORT Streamer(Streamer&&) noexcept;
  SPANFLOW_EXPORT Streamer& operator=(Streamer&&) noexcept;

  // Starts the capture and waits for the first record.
  SPANFLOW_EXPORT Iterator begin();
  std::default_sentinel_t end() const { return {}; }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace spanflow

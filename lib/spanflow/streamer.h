// The public face of libspanflow: one object that turns a capture file, a kernel interface or a DPDK device into flow
// records, by the same pipeline that spanflowd runs.
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

// A metric of the program's own: called for every packet, after the packet has been counted. `flow.metrics[name]` is
// 0 when a segment begins. With several workers it is called by several threads at once, each with flows of its own:
// a flow's values need no lock, anything else that it changes does. One that throws is logged, counted and switched
// off.
struct UserMetric {
  std::string name;
  std::function<void(const PacketInfo& packet, Flow& flow)> on_packet;
};

struct StreamerOptions {
  std::string source;                // capture file ("-": standard input), kernel interface or DPDK device
  std::uint64_t capacity = 128'000;  // flows; when full, the least recently used is exported, conversations last
  std::chrono::nanoseconds active_timeout = std::chrono::seconds{120};
  std::chrono::nanoseconds inactive_timeout = std::chrono::seconds{120};
  unsigned workers = 1;
  std::vector<std::string> settings{};  // any option of the daemon, as "flow.tcp_close=false"
  std::vector<UserMetric> user_metrics{};
};

// Owns a whole pipeline. One thread iterates, once; a second begin() throws std::logic_error. A record is valid until
// the iterator moves on: copy it to keep it. Leaving the loop and destroying the Streamer stops the capture. What
// spanflowd would refuse with one line is a std::runtime_error with that line, from the constructor or the iteration.
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

  SPANFLOW_EXPORT explicit Streamer(const StreamerOptions& options);
  SPANFLOW_EXPORT ~Streamer();
  SPANFLOW_EXPORT Streamer(Streamer&&) noexcept;
  SPANFLOW_EXPORT Streamer& operator=(Streamer&&) noexcept;

  SPANFLOW_EXPORT Iterator begin();
  std::default_sentinel_t end() const { return {}; }

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace spanflow

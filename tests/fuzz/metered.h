// A worker's whole packet loop as a fuzz target.
#pragma once

#include <memory>
#include <span>

#include "capture/packet_clock.h"
#include "flow/meter.h"
#include "packet_sequence.h"
#include "sinks/record_text.h"

namespace spanflow::fuzz {

// Gives sequences to one Meter, one after the other, because a new Meter costs more than a sequence, above all with
// nDPI. All flows end with their sequence. After each sequence, checks the ledgers and reads all fields of all records.
class Metered {
 public:
  // `live`: the source is live, so that flows end by the clock and load is shed.
  Metered(Config config, bool live);

  void run(const SequenceHead& head, std::span<RawPacket> packets);

 private:
  class Source : public PacketSource {
   public:
    Source(Metered& metered, bool live) : metered_(metered), live_(live) {}
    void begin(const SequenceHead& head, std::span<RawPacket> packets);
    Burst poll() override;
    TimestampSource timestamp_source() const override { return TimestampSource::kFile; }
    bool is_live() const override { return live_; }
    std::uint32_t greatest_frame() const override { return 1518; }
    double backlog() const override { return backlog_; }

   private:
    Metered& metered_;
    const bool live_;
    std::span<RawPacket> left_;
    LinkType link_type_ = LinkType::kEthernet;
    std::size_t burst_ = 1;
    double backlog_ = 0;
    PacketClock clock_;
  };

  void drain();
  void take(const RecordBlock& block);
  void check() const;

  const Config config_;
  const Decoder decoder_;
  const MetricSet metrics_;
  Source source_;
  Counters counters_;
  ExportRing ring_;
  NameCache names_{1024, 1};
  Meter meter_;
  std::vector<const Field*> fields_;
  TextBuffer text_;
  std::uint64_t records_ = 0;
  std::uint64_t packets_ = 0;
  std::uint64_t octets_ = 0;
};

// The configurations that a sequence chooses from by its variant, without nDPI.
inline constexpr unsigned kMeterVariants = 4;
Config meter_config(unsigned variant);

}  // namespace spanflow::fuzz

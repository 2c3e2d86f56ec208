#include "capture/capture_file.h"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include "base/error.h"

namespace spanflow {

std::unique_ptr<CaptureFile> open_capture_file(const std::string& path, const std::atomic<bool>& stop,
                                               Counters& counters) {
  auto stream = std::make_unique<InputStream>(path, stop);
  auto file = open_classic_pcap(path, stream);
  if (file == nullptr) file = open_pcapng(path, stream, counters);
  return file != nullptr ? std::move(file) : open_with_libpcap(path, std::move(stream));
}

void CaptureFile::set_pcap_link_type(int number) {
  const auto known = link_type_from_pcap(number);
  if (!known) {
    const char* name = pcap_datalink_val_to_name(number);
    throw RunError(
        fmt::format("{}: link type {} is not supported", path_, name != nullptr ? name : std::to_string(number)));
  }
  link_type_ = *known;
}

std::optional<std::string> CaptureFile::check() const {
  const std::string& reason = damage_.empty() ? stream_->error() : damage_;
  const bool only_cut = cut_short_ || stream_->cut_short();
  if (reason.empty() && !only_cut) return std::nullopt;
  const std::string place = fmt::format("{}: offset {}", path_, stream_->offset());
  if (!only_cut) throw RunError(fmt::format("{}: {}", place, reason));
  return place + ": the capture is cut short; the packets before this point were metered";
}

}  // namespace spanflow

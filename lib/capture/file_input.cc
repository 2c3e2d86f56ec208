#include "capture/file_input.h"

#include "base/cpus.h"
#include "capture/capture_source.h"
#include "capture/read_ahead.h"

namespace spanflow {
namespace {

class FileInput : public Input {
 public:
  FileInput(const Config& config, const std::atomic<bool>& stop, Notes& notes)
      : reads_ahead_(config.workers == 1 && allowed_cpus().size() > 1),
        source_(make_capture_source(config.input.files, stop, notes, counters_)) {}

  // With several workers, the Distributor's thread reads the files. With one worker, a second thread reads ahead, if
  // this process may use more than one CPU.
  std::vector<std::unique_ptr<PacketSource>> make_sources() override {
    std::vector<std::unique_ptr<PacketSource>> sources;
    if (reads_ahead_) {
      sources.push_back(std::make_unique<ReadAhead>(std::move(source_)));
    } else {
      sources.push_back(std::move(source_));
    }
    return sources;
  }

 private:
  const bool reads_ahead_;
  std::unique_ptr<PacketSource> source_;  // nullptr after make_sources()
};

}  // namespace

std::unique_ptr<Input> open_file_input(const Config& config, const std::atomic<bool>& stop, Notes& notes) {
  return std::make_unique<FileInput>(config, stop, notes);
}

}  // namespace spanflow

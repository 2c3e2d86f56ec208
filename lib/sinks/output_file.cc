#include "sinks/output_file.h"

namespace spanflow {

OutputFile::OutputFile(std::unique_ptr<PartFile> part, std::optional<int> level) : part_(std::move(part)) {
  if (level) encoder_.emplace(*level);
}

std::size_t OutputFile::write_some(std::string_view text) {
  if (!encoder_) return part_->write_some(text);
  write_encoded();
  encoder_->add(text, encoded_);
  flushed_ = false;
  return text.size();
}

void OutputFile::flush() {
  if (!flushed_) encoder_->flush(encoded_);
  flushed_ = true;
  write_encoded();
}

std::string OutputFile::complete(unsigned number) {
  finish();
  return part_->complete(number);
}

std::string OutputFile::complete_replacing() {
  finish();
  return part_->complete_replacing();
}

void OutputFile::finish() {
  if (encoder_ && !finished_) encoder_->end(encoded_);
  finished_ = true;
  write_encoded();
}

void OutputFile::write_encoded() {
  while (written_ < encoded_.size()) written_ += part_->write_some(std::string_view(encoded_).substr(written_));
  encoded_.clear();
  written_ = 0;
}

}  // namespace spanflow

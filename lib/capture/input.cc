#include "capture/input.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/error.h"
#include "capture/dpdk_input.h"
#include "capture/file_input.h"

namespace spanflow {
namespace {

bool is_file(const std::string& source) { return source == "-" || std::filesystem::exists(source); }

bool looks_like_device(const std::string& source) {
  return is_pci_device(source) || source.find(',') != std::string::npos || source.starts_with("net_");
}

template <typename Option>
bool set_if(bool matches, Option& option, Option value) {
  if (matches) option = std::move(value);
  return matches;
}

using Options = Config::Input;

constexpr std::array kInputTypes = {
    InputType{.option = "input.files",
              .usage = "capture files (-r, input.files)",
              .is_live = false,
              .is_configured = [](const Options& options) { return !options.files.empty(); },
              .configure = [](const std::string& source,
                              Options& options) { return set_if(is_file(source), options.files, {source}); },
              .open = open_file_input},
    InputType{.option = "input.interface",
              .usage = "an interface (-i)",
              .is_live = true,
              .is_configured = [](const Options& options) { return !options.interface.empty(); },
              .configure =
                  [](const std::string& source, Options& options) {
                    const bool matches = !looks_like_device(source) && KernelInterface::exists(source);
                    return set_if(matches, options.interface, source);
                  },
              .open = open_dpdk_input},
    InputType{
        .option = "input.devices",
        .usage = "DPDK devices (-d)",
        .is_live = true,
        .is_configured = [](const Options& options) { return !options.devices.empty(); },
        .configure = [](const std::string& source,
                        Options& options) { return set_if(looks_like_device(source), options.devices, {source}); },
        .open = open_dpdk_input},
};

// Returns the values of one member of all input types, joined as "a, b or c".
std::string alternatives(std::string_view InputType::*member) {
  std::string text;
  for (std::size_t i = 0; i < kInputTypes.size(); ++i) {
    if (i > 0) text += i + 1 < kInputTypes.size() ? ", " : " or ";
    text += kInputTypes[i].*member;
  }
  return text;
}

}  // namespace

std::span<const InputType> input_types() { return kInputTypes; }

const InputType& input_type(const Config::Input& options) {
  const InputType* configured = nullptr;
  for (const InputType& type : kInputTypes) {
    if (!type.is_configured(options)) continue;
    if (configured != nullptr) {
      throw ConfigError(fmt::format("more than one kind of input: give {}", alternatives(&InputType::option)));
    }
    configured = &type;
  }
  if (configured == nullptr) throw ConfigError(fmt::format("no input: name {}", alternatives(&InputType::usage)));
  return *configured;
}

bool is_live(const Config::Input& options) {
  return std::ranges::none_of(kInputTypes,
                              [&](const InputType& type) { return !type.is_live && type.is_configured(options); });
}

}  // namespace spanflow

// The configuration: the input is a YAML file. The only exception is a ConfigError of one line. A configuration that is
// read can be written, and is then read back the same.
#include "base/error.h"
#include "no_names.h"
#include "octets.h"
#include "options/describe.h"
#include "options/loader.h"
#include "require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace spanflow;
  fuzz::Octets input(data, size);
  try {
    Config config;
    load_yaml(std::string(input.rest_as_text()), "spanflow.yaml", config);
    const std::string dumped = dump_config(config);
    Config again;
    load_yaml(dumped, "dumped.yaml", again);
    fuzz::require(dump_config(again) == dumped, "a configuration is read back as it was written");
    warnings(config);
    check(config);
  } catch (const ConfigError& error) {
    const std::string_view text = error.what();
    fuzz::require(!text.empty() && text.find('\n') == std::string_view::npos, "an error is one line");
    fuzz::require(!text.starts_with("dumped.yaml"), "a configuration that was written can be read");
  }
  return 0;
}

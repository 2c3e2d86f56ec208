// spanflowd: reads the arguments and the configuration, and runs. Exit codes: 0: done; 1: an input, a sink or another
// part of the run failed; 2: the command line or the configuration is wrong.
#include <fcntl.h>
#include <unistd.h>

#include <iostream>

#include "base/error.h"
#include "base/privileges.h"
#include "command_line.h"
#include "crash_report.h"
#include "memory_reserve.h"
#include "metrics/metric_set.h"
#include "options/loader.h"
#include "service.h"
#include "telemetry/log.h"

namespace spanflow {
namespace {

// Opens /dev/null on each standard descriptor that is closed. Otherwise a file that is opened later would get this
// descriptor number, and the program would write its output or its log into the file.
void hold_standard_descriptors() {
  int descriptor = 0;
  do descriptor = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  while (descriptor >= 0 && descriptor <= STDERR_FILENO);
  if (descriptor >= 0) ::close(descriptor);
}

int main(int argc, char** argv) {
  hold_standard_descriptors();
  hold_memory_reserve();
  configure_log({});  // before parsing, so that errors of the command line can go to the journal
  CommandLine line = parse_command_line(argc, argv);
  configure_log(line.config);
  if (line.answer) {
    std::cout << *line.answer << std::flush;
    return 0;
  }
  for (const std::string& warning : warnings(line.config)) log().warn("{}", warning);
  if (line.check_only) {
    const MetricSet metrics(line.config.metrics, {});  // throws if a metric's shared object cannot be loaded
    return 0;
  }
  if (!line.config.user.empty()) limit_privileges();
  learn_from_crashes(line.config);
  return Service(argc, argv, std::move(line)).run();
}

}  // namespace
}  // namespace spanflow

int main(int argc, char** argv) {
  try {
    return spanflow::main(argc, argv);
  } catch (const spanflow::ConfigError& error) {
    spanflow::log().error("{}", error.what());
    return 2;
  } catch (const std::exception& error) {
    spanflow::log().error("{}", error.what());
    return 1;
  }
}

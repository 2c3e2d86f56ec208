// spanflowd: arguments, configuration, run, exit code. Exit codes: 0 done, 1 an input or a target failed, 2 the
// command line or the configuration is wrong.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <future>
#include <iostream>
#include <optional>

#include "base/error.h"
#include "command_line.h"
#include "config/loader.h"
#include "metrics/metric_set.h"
#include "pipeline/pipeline.h"
#include "progress_bar.h"
#include "telemetry/log.h"

namespace spanflow {
namespace {

volatile std::sig_atomic_t stop_requested = 0;
volatile std::sig_atomic_t rotation_requested = 0;

// A closed standard descriptor would give its number to the next file that is opened, and our output to that file.
void hold_standard_descriptors() {
  int descriptor = 0;
  do descriptor = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  while (descriptor >= 0 && descriptor <= STDERR_FILENO);
  if (descriptor >= 0) ::close(descriptor);
}

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = [](int) { stop_requested = 1; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  action.sa_handler = [](int) { rotation_requested = 1; };
  sigaction(SIGUSR1, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a reader that goes away is an error of that sink alone
}

void write_summary_file(const std::string& path, const Summary& summary) {
  if (path == "-") {
    std::cout << to_json(summary) << std::flush;
    return;
  }
  std::ofstream file(path);
  file << to_json(summary);
  file.close();
  if (!file) throw RunError(path + ": cannot be written");
}

int run(const CommandLine& line) {
  constexpr std::chrono::milliseconds kLookUp{100};
  for (const std::string& doubt : doubts(line.config)) log().warn("{}", doubt);
  catch_signals();
  std::optional<LogThread> log_thread(std::in_place);
  Pipeline pipeline(line.config);
  pipeline.start();
  {
    ProgressBar progress(!line.quiet && !line.config.input.files.empty());
    while (!pipeline.wait(kLookUp)) {
      if (stop_requested != 0) pipeline.request_stop();
      if (rotation_requested != 0) {
        rotation_requested = 0;
        pipeline.rotate_files();
      }
      progress.draw(pipeline);
    }
  }
  // A slow sink may take long to be drained: a stop must be heard then too.
  auto finished = std::async(std::launch::async, [&pipeline] { pipeline.finish(); });
  while (finished.wait_for(kLookUp) == std::future_status::timeout) {
    if (stop_requested != 0) pipeline.request_stop();
  }
  finished.get();
  log_thread.reset();  // what was logged comes before the summary
  const Summary summary = pipeline.summary();
  if (!line.quiet) std::cerr << to_text(summary);
  if (!line.summary_file.empty()) write_summary_file(line.summary_file, summary);
  int exit_code = 0;
  for (const std::exception_ptr& failure : pipeline.failures()) {
    exit_code = 1;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      log().error("{}", error.what());
    }
  }
  return exit_code;
}

int main(int argc, char** argv) {
  hold_standard_descriptors();
  configure_log({});  // for what is wrong with the command line: there may be a journal
  const CommandLine line = parse_command_line(argc, argv);
  configure_log(line.config);
  if (line.answer) {
    std::cout << *line.answer << std::flush;
    return 0;
  }
  if (line.check_only) {
    for (const std::string& doubt : doubts(line.config)) log().warn("{}", doubt);
    const MetricSet metrics(line.config.metrics, {});  // are there, and load
    return 0;
  }
  return run(line);
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

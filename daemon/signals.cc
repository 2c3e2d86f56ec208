#include "signals.h"

#include <csignal>

namespace spanflow {
namespace {

volatile std::sig_atomic_t stop = 0;
volatile std::sig_atomic_t rotation = 0;
volatile std::sig_atomic_t reload = 0;

bool take(volatile std::sig_atomic_t& request) {
  const bool requested = request != 0;
  request = 0;
  return requested;
}

}  // namespace

Signals::Signals(bool has_config_file) {
  struct sigaction action {};
  action.sa_handler = [](int) { stop = 1; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  if (has_config_file) action.sa_handler = [](int) { reload = 1; };
  sigaction(SIGHUP, &action, nullptr);
  action.sa_handler = [](int) { rotation = 1; };
  sigaction(SIGUSR1, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // write() then gives EPIPE, and only the sink of the closed pipe fails
}

bool Signals::stop_requested() const { return stop != 0; }

bool Signals::take_rotation() { return take(rotation); }

bool Signals::take_reload() { return take(reload); }

}  // namespace spanflow

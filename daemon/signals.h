// Receives the signals that request something from the process. Create exactly one object, before all other setup, so
// that no signal is missed.
#pragma once

namespace spanflow {

class Signals {
 public:
  // SIGINT and SIGTERM request a stop. SIGUSR1 requests that the sinks start new files. With a configuration file,
  // SIGHUP requests a reload. Without one, SIGHUP means that the terminal was closed, and requests a stop.
  explicit Signals(bool has_config_file);

  bool stop_requested() const;
  // take_rotation() and take_reload() return true if the signal has come since their last call. Several signals count
  // as one.
  bool take_rotation();
  bool take_reload();
};

}  // namespace spanflow

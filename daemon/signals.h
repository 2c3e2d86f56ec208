// Requests to the process by signals. Create one object, before all other setup.
#pragma once

namespace spanflow {

class Signals {
 public:
  // SIGINT and SIGTERM request a stop, SIGUSR1 new files, SIGHUP a reload. Without a configuration file there is
  // nothing to reload: then SIGHUP means that the terminal was closed, and requests a stop.
  explicit Signals(bool has_config_file);

  bool stop_requested() const;
  // True once for each request. Several requests before a call count as one.
  bool take_rotation();
  bool take_reload();
};

}  // namespace spanflow

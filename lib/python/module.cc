// The extension module spanflow._core. The package's Python code uses it; its names are not for users.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <utility>

#include "base/error.h"
#include "python/arrow_stream.h"
#include "python/flow_iterator.h"
#include "python/flow_object.h"
#include "python/packet_object.h"
#include "python/python_log.h"
#include "python/run.h"
#include "sinks/field_table.h"
#include "version.h"

namespace spanflow::python {
namespace {

namespace py = pybind11;

// (name, function) for each user metric.
using Metrics = std::vector<std::pair<std::string, py::object>>;
// (name, on_init, on_update, on_expire) for each plug-in.
using Plugins = std::vector<std::tuple<std::string, py::object, py::object, py::object>>;

RunOptions options_of(std::vector<std::string> sources, std::string config_file,
                      std::vector<std::pair<std::string, std::string>> settings, std::optional<NfstreamRules> nfstream,
                      bool every_field, const Metrics& metrics, const Plugins& plugins, py::object new_udps) {
  RunOptions options{.sources = std::move(sources),
                     .config_file = std::move(config_file),
                     .settings = std::move(settings),
                     .nfstream = nfstream,
                     .every_field = every_field,
                     .metrics = {},
                     .plugins = {},
                     .new_udps = std::move(new_udps)};
  for (const auto& [name, function] : metrics) options.metrics.push_back({name, function});
  for (const auto& [name, on_init, on_update, on_expire] : plugins) {
    options.plugins.push_back({name, on_init, on_update, on_expire});
  }
  return options;
}

void add_runs(py::module_& module) {
  py::class_<NfstreamRules>(module, "NfstreamRules")
      .def(py::init([](std::uint64_t idle_timeout, std::uint64_t active_timeout, std::uint64_t splt,
                       bool has_tunnel_column) {
             return NfstreamRules{idle_timeout, active_timeout, splt, has_tunnel_column};
           }),
           py::kw_only(), py::arg("idle_timeout"), py::arg("active_timeout"), py::arg("splt"),
           py::arg("has_tunnel_column"));
  py::class_<RunOptions>(module, "RunOptions")
      .def(py::init(&options_of), py::kw_only(), py::arg("sources"), py::arg("config_file") = "", py::arg("settings"),
           py::arg("nfstream") = std::nullopt, py::arg("every_field") = true, py::arg("metrics") = Metrics{},
           py::arg("plugins") = Plugins{}, py::arg("new_udps") = py::none())
      .def("check", &check);
  py::class_<Run, std::shared_ptr<Run>>(module, "Run")
      .def(py::init<RunOptions>())
      .def("__iter__", [](const std::shared_ptr<Run>& run) { return py::reinterpret_steal<py::object>(iterate(run)); })
      .def(
          "arrow_stream",
          [](const std::shared_ptr<Run>& run, std::size_t rows, bool binary_addresses, double delay) {
            const auto form = binary_addresses ? AddressForm::kBinary : AddressForm::kText;
            return arrow_stream(run, rows, form, std::chrono::milliseconds(static_cast<long>(delay * 1000)));
          },
          py::arg("rows"), py::arg("binary_addresses"), py::arg("delay"))
      .def("drain",
           [](Run& run) {
             for (std::optional<std::span<const FlowRecord>> records; !records || !records->empty();) {
               records = wait_for_records(run);
             }
           })
      .def("close", &Run::close)
      .def("summary", &Run::summary)
      .def("progress", &Run::progress);
}

PYBIND11_MODULE(_core, module) {
  module.attr("version") = kVersion;
  py::register_exception_translator([](std::exception_ptr failure) {
    try {
      if (failure) std::rethrow_exception(std::move(failure));
    } catch (const ConfigError&) {
      set_python_error();
    } catch (const RunError&) {
      set_python_error();
    }
  });
  if (!add_flow_types(module.ptr()) || !add_packet_types(module.ptr()) || !add_iterator_type(module.ptr())) {
    throw py::error_already_set();
  }
  add_runs(module);
  module.def("check_signals", [] {
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  });
  log_to_python();
  py::module_::import("atexit").attr("register")(py::cpp_function(&close_all_runs));
}

}  // namespace
}  // namespace spanflow::python

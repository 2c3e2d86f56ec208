#include "python/packet_object.h"

#include <array>
#include <iterator>
#include <utility>

#include "base/units.h"
#include "python/python_type.h"
#include "python/values.h"
#include "sinks/nfstream_columns.h"

namespace spanflow::python {
namespace {

PyTypeObject* packet_type = nullptr;
PyTypeObject* nfstream_packet_type = nullptr;

PacketObject* as_packet(PyObject* self) { return reinterpret_cast<PacketObject*>(self); }

const FlowKey& key_of(const PacketObject& packet) {
  return packet.flow != nullptr ? static_cast<const FlowKey&>(*packet.flow) : packet.key;
}

const PacketInfo& info_of(PyObject* self) { return *as_packet(self)->info; }

bool is_forward(const PacketObject& packet) { return packet.info->direction == Direction::kSrcToDst; }

PyObject* get_ip_src(PyObject* self, void*) {
  const FlowKey& key = key_of(*as_packet(self));
  return to_python(AddressValue{is_forward(*as_packet(self)) ? &key.ip_src : &key.ip_dst, key.ip_version});
}
PyObject* get_ip_dst(PyObject* self, void*) {
  const FlowKey& key = key_of(*as_packet(self));
  return to_python(AddressValue{is_forward(*as_packet(self)) ? &key.ip_dst : &key.ip_src, key.ip_version});
}
PyObject* get_src_port(PyObject* self, void*) {
  const FlowKey& key = key_of(*as_packet(self));
  return PyLong_FromLong(is_forward(*as_packet(self)) ? key.src_port : key.dst_port);
}
PyObject* get_dst_port(PyObject* self, void*) {
  const FlowKey& key = key_of(*as_packet(self));
  return PyLong_FromLong(is_forward(*as_packet(self)) ? key.dst_port : key.src_port);
}
PyObject* get_protocol(PyObject* self, void*) { return PyLong_FromLong(key_of(*as_packet(self)).ip_protocol); }
PyObject* get_ip_version(PyObject* self, void*) { return PyLong_FromLong(key_of(*as_packet(self)).ip_version); }
PyObject* get_vlan_id(PyObject* self, void*) {
  const PacketObject& packet = *as_packet(self);
  return PyLong_FromLong(packet.flow != nullptr ? packet.flow->vlan_id : packet.vlan_id);
}
PyObject* get_tcp_window(PyObject* self, void*) {
  const PacketInfo& info = info_of(self);
  if (!info.has_tcp_window) Py_RETURN_NONE;
  return PyLong_FromLong(info.tcp_window);
}

PyObject* get_octets(PyObject* self, void*) {
  PacketObject& packet = *as_packet(self);
  if (packet.octets == nullptr) {
    packet.octets = PyBytes_FromStringAndSize(reinterpret_cast<const char*>(packet.info->ip), packet.info->ip_captured);
  }
  return Py_XNewRef(packet.octets);
}

PyObject* get_payload(PyObject* self, void*) {
  const PacketInfo& info = info_of(self);
  PyObject* octets = get_octets(self, nullptr);
  if (octets == nullptr) return nullptr;
  const Py_ssize_t headers = info.ip_size - info.payload_size;
  PyObject* payload = PySequence_GetSlice(octets, headers, PY_SSIZE_T_MAX);
  Py_DECREF(octets);
  return payload;
}

// nfstream's times are whole milliseconds; gaps are taken between them.
PyObject* get_milliseconds(PyObject* self, void*) {
  return PyLong_FromUnsignedLongLong(info_of(self).time_ns / kNanosecondsPerMillisecond);
}
PyObject* get_delta_milliseconds(PyObject* self, void*) {
  const PacketInfo& info = info_of(self);
  const std::uint64_t before_ns = info.time_ns - info.gap_ns;
  return PyLong_FromUnsignedLongLong(info.time_ns / kNanosecondsPerMillisecond -
                                     before_ns / kNanosecondsPerMillisecond);
}
PyObject* get_tunnel_id(PyObject* self, void*) {
  return PyLong_FromUnsignedLongLong(tunnel_number(key_of(*as_packet(self)).tunnel_type));
}

template <std::uint8_t flag>
PyObject* get_flag(PyObject* self, void*) {
  return PyLong_FromLong((info_of(self).tcp_flags & flag) != 0 ? 1 : 0);
}
PyObject* get_direction(PyObject* self, void*) { return PyLong_FromLong(is_forward(*as_packet(self)) ? 0 : 1); }
template <auto member>
PyObject* get_number(PyObject* self, void*) {
  return PyLong_FromUnsignedLong(info_of(self).*member);
}

const MacAddress& src_mac(const PacketObject& packet) {
  return packet.flow != nullptr ? packet.flow->src_mac : packet.src_mac;
}
const MacAddress& dst_mac(const PacketObject& packet) {
  return packet.flow != nullptr ? packet.flow->dst_mac : packet.dst_mac;
}
// The flow's addresses, as nfstream gives them. `octets`: 6, or 3 for the vendor.
template <std::size_t octets>
PyObject* get_src_mac(PyObject* self, void*) {
  const PacketObject& packet = *as_packet(self);
  return to_python(MacValue{is_forward(packet) ? &src_mac(packet) : &dst_mac(packet), octets});
}
template <std::size_t octets>
PyObject* get_dst_mac(PyObject* self, void*) {
  const PacketObject& packet = *as_packet(self);
  return to_python(MacValue{is_forward(packet) ? &dst_mac(packet) : &src_mac(packet), octets});
}

// In the order of nfstream's named tuple.
PyGetSetDef nfstream_attributes[] = {
    {"time", get_milliseconds, nullptr, "time of the packet (ms since the epoch)", nullptr},
    {"delta_time", get_delta_milliseconds, nullptr, "time since the flow's previous packet (ms)", nullptr},
    {"direction", get_direction, nullptr, "0: from src to dst, 1: from dst to src", nullptr},
    {"raw_size", get_number<&PacketInfo::size>, nullptr, "octets of the whole frame", nullptr},
    {"ip_size", get_number<&PacketInfo::ip_size>, nullptr, "octets from the IP header on", nullptr},
    {"transport_size", get_number<&PacketInfo::transport_size>, nullptr, "octets from the transport header on",
     nullptr},
    {"payload_size", get_number<&PacketInfo::payload_size>, nullptr, "octets after the transport header", nullptr},
    {"src_ip", get_ip_src, nullptr, "address of the packet's sender", nullptr},
    {"src_mac", get_src_mac<6>, nullptr, "MAC address of src_ip, from the flow's first packet", nullptr},
    {"src_oui", get_src_mac<3>, nullptr, "vendor part of src_mac", nullptr},
    {"dst_ip", get_ip_dst, nullptr, "address of the packet's receiver", nullptr},
    {"dst_mac", get_dst_mac<6>, nullptr, "MAC address of dst_ip, from the flow's first packet", nullptr},
    {"dst_oui", get_dst_mac<3>, nullptr, "vendor part of dst_mac", nullptr},
    {"src_port", get_src_port, nullptr, "port of src_ip", nullptr},
    {"dst_port", get_dst_port, nullptr, "port of dst_ip", nullptr},
    {"protocol", get_protocol, nullptr, "IP protocol number: 6 TCP, 17 UDP", nullptr},
    {"vlan_id", get_vlan_id, nullptr, "innermost VLAN id of the flow's first packet; 0: no tag", nullptr},
    {"ip_version", get_ip_version, nullptr, "4 or 6", nullptr},
    {"ip_packet", get_octets, nullptr, "the captured octets from the IP header on", nullptr},
    {"syn", get_flag<0x02>, nullptr, "TCP flag: 0 or 1", nullptr},
    {"cwr", get_flag<0x80>, nullptr, "TCP flag: 0 or 1", nullptr},
    {"ece", get_flag<0x40>, nullptr, "TCP flag: 0 or 1", nullptr},
    {"urg", get_flag<0x20>, nullptr, "TCP flag: 0 or 1", nullptr},
    {"ack", get_flag<0x10>, nullptr, "TCP flag: 0 or 1", nullptr},
    {"psh", get_flag<0x08>, nullptr, "TCP flag: 0 or 1", nullptr},
    {"rst", get_flag<0x04>, nullptr, "TCP flag: 0 or 1", nullptr},
    {"fin", get_flag<0x01>, nullptr, "TCP flag: 0 or 1", nullptr},
    {"tunnel_id", get_tunnel_id, nullptr, "nDPI's number of the kind of tunnel; 0: none", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

// --- NFPacket as a named tuple ---

PyObject* named_tuple = nullptr;  // the class of the tuples

Py_ssize_t packet_length(PyObject*) { return std::ssize(nfstream_attributes) - 1; }

// Returns a new reference to the values, as a plain tuple.
PyObject* plain_tuple(PyObject* self) {
  PyObject* tuple = PyTuple_New(packet_length(self));
  for (Py_ssize_t at = 0; tuple != nullptr && at < packet_length(self); ++at) {
    PyObject* value = nfstream_attributes[at].get(self, nullptr);
    if (value == nullptr) Py_CLEAR(tuple);
    if (tuple != nullptr) PyTuple_SET_ITEM(tuple, at, value);
  }
  return tuple;
}

// Returns a new reference to the packet as a real named tuple.
PyObject* as_tuple(PyObject* self) {
  PyObject* values = plain_tuple(self);
  PyObject* tuple = values == nullptr ? nullptr : PyObject_Call(named_tuple, values, nullptr);
  Py_XDECREF(values);
  return tuple;
}

// Returns what `use` makes of the packet as a named tuple.
template <typename Use>
auto with_tuple(PyObject* self, decltype(std::declval<Use>()(self)) failure, Use use) {
  PyObject* tuple = as_tuple(self);
  if (tuple == nullptr) return failure;
  auto result = use(tuple);
  Py_DECREF(tuple);
  return result;
}

PyObject* show_packet(PyObject* self) { return with_tuple(self, nullptr, PyObject_Repr); }
PyObject* iterate_packet(PyObject* self) { return with_tuple(self, nullptr, PyObject_GetIter); }
Py_hash_t hash_packet(PyObject* self) { return with_tuple(self, -1, PyObject_Hash); }
PyObject* packet_item(PyObject* self, PyObject* index) {
  return with_tuple(self, nullptr, [index](PyObject* tuple) { return PyObject_GetItem(tuple, index); });
}
PyObject* compare_packets(PyObject* self, PyObject* other, int operation) {
  if (Py_TYPE(other) == Py_TYPE(self)) {
    return with_tuple(other, nullptr, [=](PyObject* tuple) { return compare_packets(self, tuple, operation); });
  }
  return with_tuple(self, nullptr, [=](PyObject* tuple) { return PyObject_RichCompare(tuple, other, operation); });
}
PyObject* packet_as_dict(PyObject* self, PyObject*) {
  return with_tuple(self, nullptr, [](PyObject* tuple) { return PyObject_CallMethod(tuple, "_asdict", nullptr); });
}
PyObject* replaced_packet(PyObject* self, PyObject* arguments, PyObject* values) {
  return with_tuple(self, nullptr, [=](PyObject* tuple) -> PyObject* {
    PyObject* method = PyObject_GetAttrString(tuple, "_replace");
    PyObject* replaced = method == nullptr ? nullptr : PyObject_Call(method, arguments, values);
    Py_XDECREF(method);
    return replaced;
  });
}
PyObject* reduce_packet(PyObject* self, PyObject*) { return Py_BuildValue("ON", named_tuple, plain_tuple(self)); }

// Makes the class of the tuples, with the names of the attributes. Returns a new reference.
PyObject* make_named_tuple() {
  PyObject* names = PyTuple_New(packet_length(nullptr));
  for (Py_ssize_t at = 0; names != nullptr && at < packet_length(nullptr); ++at) {
    PyTuple_SET_ITEM(names, at, PyUnicode_InternFromString(nfstream_attributes[at].name));
  }
  PyObject* collections = PyImport_ImportModule("collections");
  PyObject* made = names == nullptr || collections == nullptr
                       ? nullptr
                       : PyObject_CallMethod(collections, "namedtuple", "sO", "NFPacket", names);
  Py_XDECREF(collections);
  Py_XDECREF(names);
  PyObject* module = PyUnicode_FromString("spanflow.nfstream");  // where pickle finds the class
  if (made != nullptr && module != nullptr) PyObject_SetAttrString(made, "__module__", module);
  Py_XDECREF(module);
  return made;
}

void free_packet(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  Py_XDECREF(as_packet(self)->octets);
  type->tp_free(self);
  Py_DECREF(type);
}

PyTypeObject* add_nfstream_packet_type(PyObject* module) {
  static PyMethodDef methods[] = {
      {"_asdict", packet_as_dict, METH_NOARGS, "the values by name"},
      {"_replace", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(replaced_packet)),
       METH_VARARGS | METH_KEYWORDS, "a named tuple with other values"},
      {"__reduce__", reduce_packet, METH_NOARGS, "for pickle and copy"},
      {nullptr, nullptr, 0, nullptr}};
  PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>("One packet, with the attributes of nfstream's.")},
                         {Py_tp_dealloc, reinterpret_cast<void*>(free_packet)},
                         {Py_tp_repr, reinterpret_cast<void*>(show_packet)},
                         {Py_tp_iter, reinterpret_cast<void*>(iterate_packet)},
                         {Py_tp_hash, reinterpret_cast<void*>(hash_packet)},
                         {Py_tp_richcompare, reinterpret_cast<void*>(compare_packets)},
                         {Py_mp_length, reinterpret_cast<void*>(packet_length)},
                         {Py_mp_subscript, reinterpret_cast<void*>(packet_item)},
                         {Py_tp_methods, methods},
                         {Py_tp_getset, nfstream_attributes},
                         {0, nullptr}};
  named_tuple = make_named_tuple();
  if (named_tuple == nullptr || PyModule_AddObjectRef(module, "NFPacketTuple", named_tuple) != 0) return nullptr;
  PyTypeObject* type = add_type(module, "spanflow.nfstream.NFPacket", sizeof(PacketObject), slots);
  PyObject* fields = PyObject_GetAttrString(named_tuple, "_fields");
  if (type == nullptr || fields == nullptr) return nullptr;
  const int failed = PyObject_SetAttrString(reinterpret_cast<PyObject*>(type), "_fields", fields);
  Py_DECREF(fields);
  return failed != 0 ? nullptr : type;
}

PyTypeObject* add_own_packet_type(PyObject* module) {
  static PyGetSetDef attributes[] = {
      {"time_ns", get_number<&PacketInfo::time_ns>, nullptr, "time of the packet (ns since the epoch)", nullptr},
      {"size", get_number<&PacketInfo::size>, nullptr, "octets of the whole frame", nullptr},
      {"ip_size", get_number<&PacketInfo::ip_size>, nullptr, "octets from the IP header on", nullptr},
      {"transport_size", get_number<&PacketInfo::transport_size>, nullptr, "octets from the transport header on",
       nullptr},
      {"payload_size", get_number<&PacketInfo::payload_size>, nullptr, "octets after the transport header", nullptr},
      {"gap_ns", get_number<&PacketInfo::gap_ns>, nullptr,
       "time since the latest packet of the segment; 0 for the first (ns)", nullptr},
      {"ttl", get_number<&PacketInfo::ttl>, nullptr, "IPv4 TTL or IPv6 hop limit", nullptr},
      {"tcp_flags", get_number<&PacketInfo::tcp_flags>, nullptr, "flags of TCP: 1 FIN, 2 SYN, 4 RST, ...", nullptr},
      {"dscp", get_number<&PacketInfo::dscp>, nullptr, "differentiated services code point", nullptr},
      {"direction", get_direction, nullptr, "0: from src to dst, 1: from dst to src", nullptr},
      {"ip_src", get_ip_src, nullptr, "address of the packet's sender", nullptr},
      {"src_port", get_src_port, nullptr, "port of ip_src", nullptr},
      {"ip_dst", get_ip_dst, nullptr, "address of the packet's receiver", nullptr},
      {"dst_port", get_dst_port, nullptr, "port of ip_dst", nullptr},
      {"ip_protocol", get_protocol, nullptr, "IP protocol number: 6 TCP, 17 UDP", nullptr},
      {"ip_version", get_ip_version, nullptr, "4 or 6", nullptr},
      {"vlan_id", get_vlan_id, nullptr, "innermost VLAN id of the flow's first packet; 0: no tag", nullptr},
      {"tcp_window", get_tcp_window, nullptr, "window field of TCP, without scaling; None: not TCP", nullptr},
      {"ip_packet", get_octets, nullptr, "the captured octets from the IP header on", nullptr},
      {"payload", get_payload, nullptr, "the captured octets after the transport header", nullptr},
      {nullptr, nullptr, nullptr, nullptr, nullptr}};
  PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>("One packet of a flow.")},
                         {Py_tp_dealloc, reinterpret_cast<void*>(free_packet)},
                         {Py_tp_getset, attributes},
                         {0, nullptr}};
  return add_type(module, "spanflow.Packet", sizeof(PacketObject), slots);
}

}  // namespace

bool add_packet_types(PyObject* module) {
  packet_type = add_own_packet_type(module);
  nfstream_packet_type = add_nfstream_packet_type(module);
  return packet_type != nullptr && nfstream_packet_type != nullptr;
}

PyObject* OpenPacket::show(const PacketInfo& packet, const Flow& flow) {
  PyTypeObject* type = as_nfstream_ ? nfstream_packet_type : packet_type;
  if (object_ == nullptr) object_ = reinterpret_cast<PacketObject*>(type->tp_alloc(type, 0));
  if (object_ == nullptr) return nullptr;
  object_->info = &packet;
  object_->flow = &flow;
  return reinterpret_cast<PyObject*>(object_);
}

void OpenPacket::hide() {
  if (Py_REFCNT(object_) == 1) {
    Py_CLEAR(object_->octets);
    return;
  }
  Py_XDECREF(get_octets(reinterpret_cast<PyObject*>(object_), nullptr));
  object_->kept = *object_->info;
  object_->info = &object_->kept;
  object_->key = *object_->flow;
  object_->vlan_id = object_->flow->vlan_id;
  object_->src_mac = object_->flow->src_mac;
  object_->dst_mac = object_->flow->dst_mac;
  object_->flow = nullptr;
  Py_DECREF(std::exchange(object_, nullptr));
}

}  // namespace spanflow::python

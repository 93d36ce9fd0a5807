// Rows as the controller would hand them out, for the tests of this room.
#pragma once

#include <string>

#include "control/controller.hpp"
#include "view/status.hpp"

namespace rows {

using namespace std::chrono_literals;

inline const base::WallTime noon = std::chrono::sys_days{std::chrono::year{2026} / 1 / 1} + 12h;

inline base::IpAddress ip(std::string_view text) { return base::IpAddress::parse(text).value(); }

inline adjacency::Adjacency named(std::uint32_t id, const std::string& name) {
    adjacency::Adjacency out;
    out.id = {id};
    out.name = name;
    out.interface = "wg0";
    out.peer.bytes[0] = static_cast<std::uint8_t>(id);
    return out;
}

inline adjacency::Peer peer() {
    adjacency::Peer out;
    out.endpoint = base::Endpoint{ip("192.0.2.1"), 51820};
    out.latest_handshake = noon - 30s;
    out.rx_bytes = 1'000;
    out.tx_bytes = 2'000;
    return out;
}

inline control::Row::SessionView session(bfd::State state) {
    control::Row::SessionView out;
    out.key = {{7}, ip("10.8.0.0"), ip("10.8.0.1"), false};
    out.status.state = state;
    out.status.remote_state = bfd::State::up;
    out.status.local_discriminator = {0xffffffffU};
    out.status.remote_discriminator = {2};
    out.status.tx_interval = 50ms;
    out.status.rx_interval = bfd::Microseconds{3'300};
    out.status.detection_time = 150ms;
    out.asked_by = {"config", "bfdd"};
    return out;
}

inline control::Row up(const adjacency::Adjacency& of, const adjacency::Peer& peer) {
    control::Row out;
    out.name = of.name;
    out.adjacency = &of;
    out.peer = &peer;
    out.interface = of.interface;
    out.local = ip("10.8.0.0");
    out.remote = ip("10.8.0.1");
    out.source = adjacency::AddressSource::allowed_ips;
    out.verdict = {policy::VerdictState::up, {}};
    out.since = noon;
    out.session = session(bfd::State::up);
    return out;
}

// A peer nobody named, whose address nobody knows.
inline control::Row stranger(const adjacency::Adjacency& of) {
    control::Row out;
    out.name = of.name;
    out.adjacency = &of;
    out.interface = of.interface;
    out.unresolved = adjacency::ResolveStep::no_candidate;
    out.verdict = {policy::VerdictState::unknown, policy::Cause::unresolved};
    out.since = noon;
    return out;
}

inline view::Process process() {
    view::Process out;
    out.version = "0.1.0";
    out.uptime = 90'500ms;
    return out;
}

}  // namespace rows

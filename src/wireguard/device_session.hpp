// A WireGuard device, read and changed by calls that wait: for children (see io::Jobs) and `undo` alone. The one place
// that holds a preshared key, for as long as a change of its peer takes.
#pragma once

#include <memory>
#include <string>

#include "adjacency/peer.hpp"
#include "wireguard/set_peer.hpp"

namespace wireguard {

class DeviceSession {
public:
    DeviceSession() = default;
    DeviceSession(const DeviceSession&) = delete;
    DeviceSession& operator=(const DeviceSession&) = delete;
    virtual ~DeviceSession() = default;
    // Each throws std::system_error, or std::runtime_error with what is wrong. No peer of that key: no answer.
    virtual std::optional<adjacency::Peer> read(const adjacency::PublicKey& key) = 0;
    virtual void keep(const adjacency::Peer& peer) = 0;   // see set_peer.hpp
    virtual void fresh(const adjacency::Peer& peer) = 0;  // after a read(): with the preshared key that it saw
};

// The kernel's device of that name, or the userspace one with a socket; throws when there is neither.
std::unique_ptr<DeviceSession> open_device(const std::string& interface);

}  // namespace wireguard

// The control thread's store of session slots: gives each session an id and a source port of its own, and takes the
// slot back when the probe thread has let go of it (Removed). The probe thread never touches the pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "probe/slot.hpp"

namespace probe {

inline constexpr std::size_t default_capacity = 16384;  // sessions

inline constexpr std::uint16_t first_source_port = 49152;  // RFC 5881 §4
inline constexpr std::size_t source_ports = 16384;

class SlotPool {
public:
    // `port_seed` spreads the first ports of daemons that share a host.
    explicit SlotPool(std::size_t capacity = default_capacity, std::uint32_t port_seed = 0);

    // nullptr: all slots are taken. Pointers stay good until release().
    // RFC 5881 §4: "The source port number SHOULD be unique among all BFD sessions on the system." It is, while there
    // are no more than 16384 sessions; beyond that, ports are shared evenly between sessions of different remotes.
    Slot* create(const bfd::SessionKey& key, std::uint8_t minimum_ttl, const bfd::Session& fresh);
    // Of a session that goes on where a predecessor left it: with its source port.
    Slot* restore(const bfd::SessionKey& key, std::uint8_t minimum_ttl, std::uint16_t source_port,
                  const bfd::Session& session);
    void release(Slot* slot);

    Slot* find(SessionId id) const;  // nullptr for a stale id
    std::size_t size() const { return size_; }
    std::size_t capacity() const { return capacity_; }

private:
    Slot* place(const bfd::SessionKey& key, std::uint8_t minimum_ttl, std::uint16_t port, const bfd::Session& session);
    std::uint16_t pick_port(const base::IpAddress& remote);
    bool port_serves(std::uint16_t port, const base::IpAddress& remote) const;

    struct Place {
        std::unique_ptr<Slot> slot;
        std::uint32_t generation = 0;  // of the slot that stands here, or stood here last
    };
    std::size_t capacity_;
    std::size_t size_ = 0;
    std::vector<Place> places_;  // grows up to the capacity
    std::vector<std::uint32_t> free_;
    std::vector<std::uint16_t> sessions_of_port_;
    std::size_t next_port_;
    std::size_t fewest_per_port_ = 0;  // where to look for a port first
};

}  // namespace probe

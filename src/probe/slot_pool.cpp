#include "probe/slot_pool.hpp"

#include <algorithm>
#include <cassert>

namespace probe {

SlotPool::SlotPool(std::size_t capacity, std::uint32_t port_seed)
    : capacity_{capacity}, sessions_of_port_(source_ports, 0), next_port_{port_seed % source_ports} {}

Slot* SlotPool::create(const bfd::SessionKey& key, std::uint8_t minimum_ttl, const bfd::Session& fresh) {
    if (size_ == capacity_) return nullptr;
    return place(key, minimum_ttl, pick_port(key.remote), fresh);
}

Slot* SlotPool::restore(const bfd::SessionKey& key, std::uint8_t minimum_ttl, std::uint16_t source_port,
                        const bfd::Session& session) {
    if (size_ == capacity_ || source_port < first_source_port) return nullptr;
    return place(key, minimum_ttl, source_port, session);
}

Slot* SlotPool::place(const bfd::SessionKey& key, std::uint8_t minimum_ttl, std::uint16_t port,
                      const bfd::Session& session) {
    if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(places_.size()));
        places_.emplace_back();
    }
    const auto number = free_.back();
    free_.pop_back();
    auto& place = places_[number];
    if (++place.generation == 0) ++place.generation;  // 0 names no session
    place.slot = std::make_unique<Slot>(SessionId{number, place.generation}, key, minimum_ttl, port, session);
    ++sessions_of_port_[port - first_source_port];
    ++size_;
    return place.slot.get();
}

void SlotPool::release(Slot* slot) {
    assert(slot != nullptr && find(slot->id) == slot);
    const auto left = --sessions_of_port_[slot->source_port - first_source_port];
    fewest_per_port_ = std::min<std::size_t>(fewest_per_port_, left);
    --size_;
    const auto number = slot->id.slot;
    free_.push_back(number);
    places_[number].slot.reset();
}

Slot* SlotPool::find(SessionId id) const {
    if (id.slot >= places_.size() || places_[id.slot].generation != id.generation) return nullptr;
    return places_[id.slot].slot.get();
}

// In turn, so that a port rests as long as possible before it serves another session.
std::uint16_t SlotPool::pick_port(const base::IpAddress& remote) {
    for (auto load = fewest_per_port_; load <= fewest_per_port_ + 1; ++load) {
        bool is_met = false;
        for (std::size_t tried = 0; tried < source_ports; ++tried) {
            const auto port = static_cast<std::uint16_t>(first_source_port + next_port_);
            next_port_ = (next_port_ + 1) % source_ports;
            if (sessions_of_port_[port - first_source_port] != load) continue;
            if (load == 0 || !port_serves(port, remote)) return port;
            is_met = true;
        }
        if (load == fewest_per_port_ && !is_met) ++fewest_per_port_;
    }
    return static_cast<std::uint16_t>(first_source_port + next_port_);  // the least loaded all serve this remote
}

bool SlotPool::port_serves(std::uint16_t port, const base::IpAddress& remote) const {
    return std::ranges::any_of(places_, [&](const Place& place) {
        return place.slot && place.slot->source_port == port && place.slot->key.remote == remote;
    });
}

}  // namespace probe

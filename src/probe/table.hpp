// Which session is it? Sessions by their id, by their discriminator (RFC 5880 §6.3) and by interface and addresses
// (RFC 5881 §3; RFC 5883 §3: addresses alone, in a VRF). All memory is taken at construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "probe/index.hpp"
#include "probe/slot.hpp"

namespace probe {

std::uint32_t hash_of(const bfd::SessionKey& key);

class Table {
public:
    explicit Table(std::size_t capacity);

    // False: no room, or the slot number, discriminator or key is taken.
    bool insert(Slot& slot);
    void erase(const Slot& slot);

    Slot* find(SessionId id) const;
    Slot* find(bfd::Discriminator local) const;
    Slot* find(const bfd::SessionKey& key) const;
    std::size_t size() const { return size_; }

private:
    std::vector<Slot*> by_number_;
    Index<Slot> by_discriminator_;
    Index<Slot> by_key_;
    std::size_t size_ = 0;
};

}  // namespace probe

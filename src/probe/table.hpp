// Which session is it? Sessions by their id, by their discriminator (RFC 5880 §6.3) and by interface and addresses
// (RFC 5881 §3; RFC 5883 §3: addresses alone). All memory is taken at construction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "probe/slot.hpp"

namespace probe {

// Open addressing with linear probing, at most half full; removal shifts back, so there are no tombstones.
class SlotIndex {
public:
    explicit SlotIndex(std::size_t capacity);

    template <class Matches>
    Slot* find(std::uint32_t hash, Matches&& matches) const {
        for (auto at = hash & mask_; entries_[at].slot != nullptr; at = (at + 1) & mask_)
            if (entries_[at].hash == hash && matches(*entries_[at].slot)) return entries_[at].slot;
        return nullptr;
    }
    void insert(std::uint32_t hash, Slot& slot);
    void erase(std::uint32_t hash, const Slot& slot);

private:
    struct Entry {
        Slot* slot = nullptr;
        std::uint32_t hash = 0;
    };
    std::vector<Entry> entries_;
    std::uint32_t mask_;
};

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
    SlotIndex by_discriminator_;
    SlotIndex by_key_;
    std::size_t size_ = 0;
};

}  // namespace probe

#include "probe/table.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace probe {

namespace {

constexpr std::uint64_t mix(std::uint64_t h, std::uint64_t word) {
    h = (h ^ word) * 0x9e3779b97f4a7c15U;
    return h ^ (h >> 32);
}

std::uint64_t mix(std::uint64_t h, const base::IpAddress& address) {
    std::uint64_t words[2];
    static_assert(sizeof(words) == sizeof(address.bytes));
    std::memcpy(words, address.bytes.data(), sizeof(words));
    return mix(mix(h, words[0]), words[1]);
}

std::uint32_t hash_of(bfd::Discriminator discriminator) {
    return static_cast<std::uint32_t>(mix(0, discriminator.value));
}

bfd::Discriminator discriminator_of(const Slot& slot) { return slot.session.status().local_discriminator; }

}  // namespace

std::uint32_t hash_of(const bfd::SessionKey& key) {
    const auto h = mix(mix(key.ifindex.value | (key.multihop ? 1ULL << 32 : 0), key.local), key.remote);
    return static_cast<std::uint32_t>(mix(h, static_cast<std::uint64_t>(key.remote.family)));
}

Table::Table(std::size_t capacity) : by_number_(capacity, nullptr), by_discriminator_{capacity}, by_key_{capacity} {}

bool Table::insert(Slot& slot) {
    const auto number = slot.id.slot;
    if (number >= by_number_.size() || by_number_[number] != nullptr) return false;
    if (find(discriminator_of(slot)) != nullptr || find(slot.key) != nullptr) return false;
    by_number_[number] = &slot;
    by_discriminator_.insert(hash_of(discriminator_of(slot)), slot);
    by_key_.insert(hash_of(slot.key), slot);
    ++size_;
    return true;
}

void Table::erase(const Slot& slot) {
    assert(find(slot.id) == &slot);
    by_number_[slot.id.slot] = nullptr;
    by_discriminator_.erase(hash_of(discriminator_of(slot)), slot);
    by_key_.erase(hash_of(slot.key), slot);
    --size_;
}

Slot* Table::find(SessionId id) const {
    if (id.slot >= by_number_.size()) return nullptr;
    auto* const slot = by_number_[id.slot];
    return slot != nullptr && slot->id == id ? slot : nullptr;
}

Slot* Table::find(bfd::Discriminator local) const {
    return by_discriminator_.find(hash_of(local), [&](const Slot& slot) { return discriminator_of(slot) == local; });
}

Slot* Table::find(const bfd::SessionKey& key) const {
    return by_key_.find(hash_of(key), [&](const Slot& slot) { return slot.key == key; });
}

}  // namespace probe

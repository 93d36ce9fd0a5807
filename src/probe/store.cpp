#include "probe/store.hpp"

#include <algorithm>
#include <cstring>

namespace probe {
namespace {

constexpr std::array<char, 8> magic{'w', 'g', 'b', 'f', 'd', 'm', 'e', 'm'};
constexpr std::size_t page = 4096;

struct Layout {
    std::size_t half;  // bytes, of each of a record's two halves
    std::size_t places;
};
constexpr std::array<Layout, shelves> layouts{{
    {216, default_capacity},  // sessions
    {168, default_capacity},  // managed
    {768, default_capacity},  // adjacencies
    {256, default_capacity},  // lids
    {128, default_capacity},  // bfdd
    {64UL << 10, 8},          // host
}};

struct Header {
    std::array<char, 8> magic{};
    std::uint32_t version = 0;
    std::array<std::uint32_t, shelves> used{};  // places that were ever given away
};

constexpr std::size_t offset_of(Shelf shelf) {
    std::size_t offset = page;
    for (std::size_t i = 0; i < static_cast<std::size_t>(shelf); ++i)
        offset += (2 * layouts[i].half * layouts[i].places + page - 1) / page * page;
    return offset;
}

Header header_of(base::Bytes memory) {
    Header header;
    std::memcpy(&header, memory.data(), sizeof header);
    return header;
}

}  // namespace

std::size_t Store::size() {
    const auto& last = layouts.back();
    return offset_of(Shelf::host) + 2 * last.half * last.places;
}

Store::Store(std::span<std::byte> memory) : memory_{memory} {
    const Header header{.magic = magic, .version = version, .used = {}};
    std::memcpy(memory_.data(), &header, sizeof header);
}

Record Store::record(Shelf shelf, std::size_t place) {
    const auto index = static_cast<std::size_t>(shelf);
    const auto& layout = layouts[index];
    if (place >= layout.places) return {};
    auto header = header_of(memory_);
    if (place >= header.used[index]) {
        header.used[index] = static_cast<std::uint32_t>(place + 1);
        std::memcpy(memory_.data() + offsetof(Header, used) + index * sizeof(std::uint32_t), &header.used[index],
                    sizeof(std::uint32_t));
    }
    return Record{memory_.subspan(offset_of(shelf) + 2 * layout.half * place, 2 * layout.half)};
}

bool Store::is_readable(base::Bytes memory) {
    if (memory.size() != size()) return false;
    const auto header = header_of(memory);
    return header.magic == magic && header.version == version;
}

std::vector<std::pair<std::uint32_t, base::Bytes>> Store::all(base::Bytes memory, Shelf shelf) {
    std::vector<std::pair<std::uint32_t, base::Bytes>> out;
    if (!is_readable(memory)) return out;
    const auto index = static_cast<std::size_t>(shelf);
    const auto& layout = layouts[index];
    const auto used = std::min<std::size_t>(header_of(memory).used[index], layout.places);
    for (std::size_t place = 0; place < used; ++place)
        if (const auto payload =
                Record::read(memory.subspan(offset_of(shelf) + 2 * layout.half * place, 2 * layout.half)))
            out.emplace_back(static_cast<std::uint32_t>(place), *payload);
    return out;
}

}  // namespace probe

// Anything bgpd, ospfd or ospf6d may print: slices and the whole must agree, and what a full JSON parser takes for an
// object must have the same members.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <nlohmann/json.hpp>

#include "frr/neighbors_codec.hpp"

namespace {

// A name with escapes is handed out as written, and names may repeat: their number is what both can be held to.
void check_members(const std::string& text) {
    // That parser alone ends at a NUL and passes over a byte-order mark.
    if (text.find('\0') != std::string::npos || text.starts_with("\xEF\xBB\xBF")) return;
    const auto whole = nlohmann::json::parse(text, nullptr, false);
    if (!whole.is_object()) return;
    frr::JsonMembers members{text};
    std::size_t count = 0;
    while (const auto member = members.next()) {
        ++count;
        if (nlohmann::json::parse(member->value, nullptr, false).is_discarded()) std::abort();
    }
    if (members.bad() || count < whole.size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string text{reinterpret_cast<const char*>(data) + 1, size - 1};
    check_members(text);
    for (const auto source : {frr::NeighborSource::bgp, frr::NeighborSource::ospf, frr::NeighborSource::ospf6}) {
        frr::NeighborReader reader{source, text};
        while (reader.read(data[0] % std::size_t{7} + 1)) continue;
        const auto whole = read_neighbors(source, text);
        const auto pieces = reader.take();
        if (whole != pieces) std::abort();
        if (!whole) continue;
        for (const auto& neighbor : *whole)
            if (!neighbor.remote.is_set()) std::abort();
    }
    for (const auto& [address, name] : frr::parse_neighbor_interfaces(text))
        if (!address.is_set() || name.empty()) std::abort();
    return 0;
}

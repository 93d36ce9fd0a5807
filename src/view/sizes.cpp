#include "view/sizes.hpp"

#include <fmt/format.h>

#include "view/text.hpp"

namespace view {

namespace {

constexpr std::uint16_t least_for_v6 = 1280;  // RFC 8200 §5

std::string set_mtu(const control::Row& row, std::uint32_t mtu) {
    return fmt::format("ip link set dev {} mtu {}", printable(row.interface), mtu);
}

std::string padding_sentence(const control::Row& row) {
    const auto& passage = row.passage;
    auto out = fmt::format("Its {} are padded to {} bytes", row.liveness ? "echo requests" : "BFD packets (RFC 9764)",
                           row.padding);
    if (row.interface_mtu != 0 && row.padding > row.interface_mtu)
        out += fmt::format(", and {} takes {} at most: write padding = {}, or `{}`", printable(row.interface),
                           row.interface_mtu, row.interface_mtu, set_mtu(row, row.padding));
    else if (passage.fit == quality::Fit::limited && passage.largest != 0 && row.padding > passage.largest)
        out += fmt::format(", and the path carries {} at most", passage.largest);
    return out + ".";
}

std::string passage_sentence(const control::Row& row) {
    const auto& [fit, asked, largest] = row.passage;
    const auto packets = asked == row.interface_mtu
                             ? fmt::format("Packets of {} bytes, the MTU of {},", asked, printable(row.interface))
                             : fmt::format("Packets of {} bytes", asked);
    switch (fit) {
        using enum quality::Fit;
        case unknown: return fmt::format("Whether packets of {} bytes come through is not known yet.", asked);
        case whole: return packets + " come through.";
        case limited: break;
    }
    auto out = packets + " do not come through, and small ones do";
    if (largest == 0) return out + "; how large they may be is being found out.";
    out += fmt::format(
        ". The largest that pass have {}: `{}`, here, at the peer and in what configures them at boot, or mend the "
        "underlay, which drops longer ones",
        largest, *mtu_command(row));
    if (largest < least_for_v6) out += fmt::format(". IPv6 needs {}, and will not work there with less", least_for_v6);
    return out + ".";
}

}  // namespace

std::optional<std::string> mtu_command(const control::Row& row) {
    if (row.passage.fit != quality::Fit::limited || row.passage.largest == 0) return std::nullopt;
    return set_mtu(row, row.passage.largest);
}

std::vector<std::string> size_sentences(const control::Row& row) {
    std::vector<std::string> out;
    if (row.padding != 0) out.push_back(padding_sentence(row));
    if (row.passage.asked != 0) out.push_back(passage_sentence(row));
    return out;
}

}  // namespace view

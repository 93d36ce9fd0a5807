#include "frr/fpm_codec.hpp"

#include "io/netlink_message.hpp"

namespace frr {
namespace {

constexpr std::uint8_t version_one = 1;
constexpr std::uint8_t type_netlink = 1;

bool whole_messages(base::Bytes body) {
    while (!body.empty())
        if (!io::next_message(body)) return false;
    return true;
}

}  // namespace

base::Result<std::optional<base::Bytes>, FpmError> next_fpm_frame(base::Bytes buffered) {
    if (buffered.size() < fpm_header_length) return std::nullopt;
    base::ByteReader in{buffered};
    if (in.read<std::uint8_t>() != version_one) return tl::unexpected{FpmError::bad_version};
    if (in.read<std::uint8_t>() != type_netlink) return tl::unexpected{FpmError::bad_type};
    const std::size_t length = in.read<std::uint16_t>();
    if (length < fpm_header_length) return tl::unexpected{FpmError::bad_length};
    if (buffered.size() < length) return std::nullopt;
    const auto body = buffered.subspan(fpm_header_length, length - fpm_header_length);
    if (!whole_messages(body)) return tl::unexpected{FpmError::bad_netlink};
    return body;
}

}  // namespace frr
